/**
 * What routes may ask of a request. Getters are read only if some route asks for what they yield, and only in the course
 * of `RouteTable.match`.
 */
export interface RoutedRequest {
  readonly method: string
  /** The target as it was sent: in origin form with its query, or `*`. */
  readonly target: string
  /** The authority or the value of `Host`, as it was sent; undefined without either. */
  readonly host: string | undefined
  /** Fields by their names in small letters, repeated ones joined as Node does it. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** In the canonical form, without port or zone. */
  readonly clientAddress: string
  /** The port that the client connected to. */
  readonly localPort: number
  /** The name that the client asked for in its TLS handshake. */
  readonly tlsName: string | undefined
}
