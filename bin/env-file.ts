/** Reads `.env` in the current folder, which fastify-cli reads for the balancer, with the same precedence. */
export function readEnvFile(): void {
  try {
    process.loadEnvFile()
  } catch {
    // There may be none.
  }
}
