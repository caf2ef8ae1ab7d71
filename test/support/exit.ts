/** What a command that reads its options does with wrong ones, without ending this process. */
export interface Refusal {
  /** The exit code; undefined if it goes on. */
  status: number | undefined
  stderr: string
}

/** Calls what may print on standard error and exit. */
export function refusal(act: () => void): Refusal {
  const { exit } = process
  const { write } = process.stderr
  const refused: Refusal = { status: undefined, stderr: '' }
  process.exit = (code) => {
    refused.status = Number(code)
    throw refused
  }
  process.stderr.write = (text: string | Uint8Array) => {
    refused.stderr += text
    return true
  }
  try {
    act()
  } catch (error) {
    if (error !== refused) throw error
  } finally {
    process.exit = exit
    process.stderr.write = write
  }
  return refused
}
