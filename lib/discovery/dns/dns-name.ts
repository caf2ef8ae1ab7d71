/** Letters, digits, hyphens and underscores, as hosts and services have them; RFC 1035 section 2.3.4 has the lengths. */
const NAME = /^(?=.{1,253}\.?$)(?:[a-z0-9_][a-z0-9_-]{0,62}\.)*[a-z0-9_][a-z0-9_-]{0,62}\.?$/i

/** Whether a text is a name that DNS can be asked for. */
export const isDnsName = (text: string): boolean => NAME.test(text)

/** A name without the dot that ends it where it is written in full. */
export const withoutFinalDot = (name: string): string => name.replace(/\.$/, '')
