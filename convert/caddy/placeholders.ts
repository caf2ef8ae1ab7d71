/** Placeholders that a redirect can say, by what they are called there. */
const SAYABLE: readonly (readonly [placeholder: RegExp, name: string])[] = [
  [/\{(?:http\.request\.)?(?:host|hostport)\}/g, '{host}'],
  [/\{(?:http\.request\.)?scheme\}/g, '{scheme}'],
  [/\{(?:http\.request\.)?uri\}/g, '{uri}'],
  [/\{path\}\?\{query\}/g, '{uri}'],
  [/\?\{(?:http\.request\.uri\.)?query\}/g, '{?query}']
]

/** A text of Caddy as a template of a redirect; undefined if it has placeholders that cannot stand in one. */
export function templateOf(text: string): string | undefined {
  const template = SAYABLE.reduce((result, [placeholder, name]) => result.replace(placeholder, name), text)
  return hasPlaceholder(template.replace(/\{(?:host|scheme|uri|\?query)\}/g, '')) ? undefined : template
}

/** Whether a text has placeholders in it. */
export const hasPlaceholder = (text: string) => /\{[\w.$?>-]+(?:\[[^\]]*\])?\}/.test(text)

/** Fields that every request to a backend has, as Caddy is told to set them. */
const SET_ANYWAY: Readonly<Record<string, RegExp>> = {
  'x-forwarded-for': /^\{(?:http\.request\.)?(?:remote_host|remote\.host|client_ip)\}$|^\{remote\}$/,
  'x-forwarded-proto': /^\{(?:http\.request\.)?scheme\}$/,
  'x-forwarded-host': /^\{(?:http\.request\.)?(?:host|hostport)\}$/,
  'x-forwarded-port': /^\{(?:http\.request\.)?(?:port|server_port)\}$/,
  'x-request-id': /^\{(?:http\.request\.)?uuid\}$/,
  host: /^\{(?:http\.request\.)?(?:host|hostport)\}$|^\{http\.request\.header\.Host\}$/i
}

/** Whether a field is set to what it is anyway. */
export function isSetAnyway(name: string, value: string): boolean {
  const key = name.toLowerCase()
  if (value.toLowerCase() === `{http.request.header.${key}}` || value.toLowerCase() === `{header.${key}}`)
    return true
  return SET_ANYWAY[key]?.test(value) ?? (key === 'connection' || key === 'upgrade')
}
