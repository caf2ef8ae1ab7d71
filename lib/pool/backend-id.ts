/** In place of a backend's id, for requests that no backend answered. */
export const NO_BACKEND_ID = -1
