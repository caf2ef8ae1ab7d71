import { FieldNames } from '../../http/field-names.js'

/**
 * Fields with secrets that a compressed length could tell: our encoders send them as never-indexed literals (RFC 7541
 * section 7.1.3), cookies of any length, as who has one mostly sends it once a connection.
 */
export const UNINDEXED = new FieldNames(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])
