/** A backend of a fleet. Addresses are of Linux, where all of 127.0.0.0/8 is this machine. */
export interface PlannedBackend {
  readonly host: string
  /** As in `LB_BACKENDS`. */
  readonly options: string
  /** Of the `be` command. */
  readonly flags: readonly string[]
}

/** A fleet as one could have it. */
export interface Plan {
  readonly backends: readonly PlannedBackend[]
  /** The pools and routes of the file of its configuration; undefined for one pool of all backends. */
  readonly file?: (addresses: readonly string[]) => object
  /** What clients ask for, one as often as the other. */
  readonly targets: readonly Target[]
}

export interface Target {
  readonly path: string
  readonly host?: string
}

const backend = (host: string, options: string, flags: string): PlannedBackend => ({
  host,
  options,
  flags: flags.split(' ')
})

/** Six backends that all do the same. */
export const ONE_POOL: Plan = {
  backends: [
    backend('127.0.10.11', ';weight=3', '--latency 8 --jitter 14 --size 4k'),
    backend('127.0.10.12', ';weight=3', '--latency 8 --jitter 18 --size 4k'),
    backend('127.0.10.13', ';weight=2', '--latency 12 --jitter 30 --size 3k'),
    backend('127.0.20.21', ';weight=2;max=40', '--latency 20 --jitter 60'),
    backend('127.0.20.22', '', '--latency 30 --jitter 90 --fail-rate 0.02'),
    backend('127.0.30.31', ';backup', '--latency 40')
  ],
  targets: [{ path: '/shop' }]
}

/** A shop, its API, and a search that has grown old. */
export const THREE_POOLS: Plan = {
  backends: [
    backend('127.0.10.11', ';weight=2', '--latency 8 --jitter 14 --size 4k'),
    backend('127.0.10.12', ';weight=2', '--latency 8 --jitter 18 --size 4k'),
    backend('127.0.10.13', ';backup', '--latency 12 --jitter 30 --size 3k'),
    backend('127.0.20.21', '', '--latency 20 --jitter 60'),
    backend('127.0.20.22', '', '--latency 30 --jitter 90 --fail-rate 0.04'),
    backend('127.0.30.31', '', '--latency 40 --jitter 120')
  ],
  file: (addresses) => ({
    pools: {
      web: { backends: addresses.slice(0, 3) },
      api: { backends: addresses.slice(3, 5), algorithm: 'peak-ewma' },
      search: { backends: addresses.slice(5) }
    },
    routes: [
      { name: 'orders', match: { host: 'api.shop.example', 'path-prefix': '/v2/orders' }, pool: 'api' },
      { name: 'api', match: { host: 'api.shop.example' }, pool: 'api' },
      { name: 'search', match: { host: 'shop.example', 'path-prefix': '/search' }, pool: 'search' },
      { name: 'shop', match: { host: 'shop.example' }, pool: 'web' },
      {
        name: 'old-shop',
        match: { host: '*.oldshop.example' },
        redirect: { scheme: 'https', host: 'shop.example' }
      },
      {
        name: 'robots',
        match: { path: '/robots.txt' },
        respond: { body: 'User-agent: *\nDisallow: /search\n' }
      },
      { name: 'wp-login', match: { 'path-prefix': '/wp-admin' }, respond: { status: 404 } }
    ]
  }),
  targets: [
    ...Array.from({ length: 9 }, () => ({ host: 'shop.example', path: '/cart' })),
    ...Array.from({ length: 4 }, () => ({ host: 'api.shop.example', path: '/v2/orders/7' })),
    ...Array.from({ length: 3 }, () => ({ host: 'api.shop.example', path: '/v2/stock' })),
    ...Array.from({ length: 3 }, () => ({ host: 'shop.example', path: '/search?q=hat' })),
    { host: 'www.oldshop.example', path: '/hats' },
    { host: 'shop.example.net', path: '/wp-admin/x' }
  ]
}
