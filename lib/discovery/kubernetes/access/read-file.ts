import { readFile } from 'node:fs/promises'
import { AccessError } from './access.js'

/**
 * The text of a file of credentials.
 * @throws {AccessError} if it cannot be read, or is empty
 */
export async function readText(file: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new AccessError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
  if (text.trim() === '') throw new AccessError(`${file} is empty`)
  return text
}
