/** A log-format string of HAProxy as a template of a redirect; undefined if it has samples that cannot stand in one. */
export function templateOf(text: string): string | undefined {
  const template = text
    .replace(/%\[(?:req\.)?f?hdr\((?:host)\)(?:,lower)?\]/gi, '{host}')
    .replace(/%\[(?:capture\.req\.uri|url|pathq)\]|%HU|%HPO\?%HQ/g, '{uri}')
    .replace(/%\[(?:base)\]/g, '{host}{uri}')
    .replaceAll('%%', '%')
  return /%\[|%[A-Za-z{]/.test(template.replace(/%[\da-f]{2}/gi, '')) ? undefined : template
}

/** Whether a text has samples or variables in it. */
export const isDynamic = (text: string) => /%\[|%\{|%[A-Z][a-zA-Z]*\b/.test(text)

/** Fields that every request to a backend has, as HAProxy is told to set them. */
const SET_ANYWAY: Readonly<Record<string, RegExp>> = {
  'x-forwarded-for': /^%\[src\]$|^%ci$/,
  'x-forwarded-host': /^%\[(?:req\.)?f?hdr\(host\)\]$/i,
  'x-forwarded-port': /^%\[dst_port\]$|^%fp$/,
  'x-request-id': /^%\[(?:uuid\(?\)?|unique-id|rand)\]$|^%ID$/
}

/** Whether a field is set to what it is anyway. */
export function isSetAnyway(name: string, value: string, isTls: boolean): boolean {
  const key = name.toLowerCase()
  if (key === 'x-forwarded-proto') return value === (isTls ? 'https' : 'http')
  return SET_ANYWAY[key]?.test(value) ?? false
}
