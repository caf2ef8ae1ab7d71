/** What most configurations begin with. */
export const DEFAULTS = `
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 50s
    timeout server 50s
`
