/** What a matched route says of its requests and their answers. Made once for each route and pool, and shared by them. */
export interface RoutedRequest {
  /** The name of the route. */
  readonly route: string
  /** The name of the pool that it leads to. */
  readonly pool: string
}
