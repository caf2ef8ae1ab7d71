/** How plain requests are read: past Node's HTTP server and the router, past Node's server only, or by Node's server. */
export const LANE_MODES = ['auto', 'routed', 'off'] as const

export type LaneMode = (typeof LANE_MODES)[number]

/** The way of plain requests: past Node's HTTP server and the router, past Node's server only, or past neither. */
export type LaneWay = 'direct' | 'routed' | 'off'
