/** Instead of a backend's, for requests that no backend answered. */
export const NO_BACKEND_ID = -1
