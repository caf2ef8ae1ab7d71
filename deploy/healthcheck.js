// Whether the balancer in this container would serve requests: exits with 0 if it is ready.
const PORT = process.env.FASTIFY_PORT ?? process.env.PORT ?? 80
const TIMEOUT_MS = 2000

fetch(`http://localhost:${PORT}/__lb/ready`, { signal: AbortSignal.timeout(TIMEOUT_MS) }).then(
  ({ ok }) => process.exit(ok ? 0 : 1),
  () => process.exit(1)
)
