/** Castagnoli's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f6_3b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0)
  return remainder
})

/**
 * The CRC-32C checksum of bytes (RFC 3720 appendix B.4).
 * @param zeroedAt position of four bytes that count as zeros: those of the checksum itself
 */
export function crc32c(bytes: Uint8Array, zeroedAt = bytes.length): number {
  let remainder = 0xffff_ffff
  for (let i = 0; i < bytes.length; i++) {
    const byte = i >= zeroedAt && i < zeroedAt + 4 ? 0 : bytes[i]!
    remainder = TABLE[(remainder ^ byte) & 255]! ^ (remainder >>> 8)
  }
  return ~remainder >>> 0
}
