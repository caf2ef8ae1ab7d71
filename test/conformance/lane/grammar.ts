import type { Mutator } from './mutate.js'

const words = (text: string) => text.trim().split(/\s+/)

const METHODS = words('GET GET HEAD POST PUT PATCH DELETE OPTIONS')
const ODD_METHODS = words('TRACE CONNECT QUERY SEARCH PRI get G POSTS M-SEARCH')
const PATHS = words('/ /a /a?b=c&d // /a//b/../c /%2e%00 /? /__lb /*;b /"<>\\^`{|}')
const ODD_PATHS = [
  ...words('* a a:443 http://x/a https://x /__lb/ /a#b /\xe9 ?'),
  '',
  '/a b',
  '/a\tb',
  ' /a',
  '/\x7f'
]
const ODD_VERSIONS = [
  ...words('HTTP/1.0 HTTP/1.2 HTTP/2.0 HTTP/0.9 http/1.1 HTTP/01.1 ICE/1.0'),
  ' HTTP/1.1',
  'HTTP/1.1 '
]

/** Of fields that just pass, and of which Node's object keeps one or joins all. */
const NAMES = words(`
  accept cookie x x user-agent set-cookie content-type if-match referer age etag from authorization date expires
  retry-after server location last-modified connection keep-alive x-request-id content-length max-forwards via te
  access-control-request-method sec-fetch-mode __proto__ constructor tostring hasownproperty !#$%&'*+.^_\`|~9 0`)
const SPECIAL_NAMES = words(`
  host forwarded proxy x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-real-ip x-ssl-client-cn
  proxy-authorization http2-settings grpc-timeout trailer transfer-encoding expect upgrade proxy-connection`)
const ODD_NAMES = ['', ' x', 'x ', 'x\t', 'x y', '\xe9', '"x"', 'x\0', '(x)', 'x\x7f', '\tx']
const VALUES = [
  ...words(
    'a a;b="c" 0 3 12 x:80 [::1] close keep-alive Close trailers chunked 100-continue caf\xe9 \x80\xff " :: fairlead'
  ),
  ...['', 'a, b', 'a\tb', 'a  b', '\xa0a\xa0', 'a'.repeat(300)]
]
const ODD_VALUES = ['\0', 'a\x01', '\x7f', 'a\rb', 'a\nb', 'a\r\n b', 'a\r\n\tb', '\x0b', '\x0c5', '\x1b[0m']
const HOSTS = words("x x www.example.com x:80 x: [::1]:1 X !$&'()*+;=~_%41")
const ODD_HOSTS = ['', 'a b', ...words('a,b x:99999 u@x x/y [::1 x:y http://x \xe9 x:80:81 [] :80')]
/** Values that a field of the name is likely to have. */
const USUAL = new Map<string, readonly string[]>([
  ['host', HOSTS],
  ['content-length', words('0 1 5 005 00 10 4096 4097 5000 999999999999999')],
  ['connection', words('close keep-alive Close KEEP-ALIVE close keep-alive close,x upgrade x')],
  ['x-request-id', [...words('a A-1 {}'), '', 'a b', '\xe9', 'x'.repeat(128), 'x'.repeat(129)]],
  ['max-forwards', words('0 1 10 a -1')]
])
const ODD_LENGTHS = [
  '',
  '-0',
  '+1',
  '0x5',
  '1e1',
  '5,5',
  '5 5',
  '1_5',
  '5.0',
  '"5"',
  '1000000000000000',
  '9'.repeat(30)
]
const BLANKS = [' ', ' ', ' ', ' ', '', '  ', '\t', ' \t ']
const ENDS = ['', '', '', '', '', '', ' ', '\t', '  \t']
const ODD_LINE_ENDS = ['\n', '\r', '\r\r\n', '\n\r', '\0\r\n', '']
/** One of so many parts is odd. */
const ODDS = 120
const FEW = 8
const MANY = 80

/** A request made of parts, of which each by itself is likely to be right. */
export function grammarMade(random: Mutator): string {
  const one = (usual: readonly string[], odd: readonly string[]) =>
    random.pick(random.below(ODDS) === 0 ? odd : usual)
  const lineEnd = () => (random.below(2 * ODDS) === 0 ? random.pick(ODD_LINE_ENDS) : '\r\n')
  const field = (name: string, value: string) =>
    `${name}:${random.pick(BLANKS)}${value}${random.pick(ENDS)}${lineEnd()}`
  const anyField = () => {
    const name = random.pick(random.below(FEW) === 0 ? SPECIAL_NAMES : NAMES)
    const usual = random.below(FEW) === 0 ? VALUES : (USUAL.get(name) ?? VALUES)
    return field(one(SPELLINGS.get(name)!, ODD_NAMES), one(usual, ODD_VALUES))
  }

  let text = `${one(METHODS, ODD_METHODS)} ${one(PATHS, ODD_PATHS)} ${one(['HTTP/1.1'], ODD_VERSIONS)}${lineEnd()}`
  const count = random.below(random.below(3 * FEW) === 0 ? MANY : FEW)
  const hostAt = random.below(count + 1)
  for (let i = 0; i <= count; i++)
    text += i === hostAt ? field(random.pick(SPELLINGS.get('host')!), one(HOSTS, ODD_HOSTS)) : anyField()
  const length = random.below(3) === 0 ? random.below(30) : 0
  if (length > 0) text += field(random.pick(LENGTH_SPELLINGS), one([`${length}`], ODD_LENGTHS))
  text += '\r\n'
  if (random.below(FEW) > 0) text += 'b'.repeat(length)
  if (random.below(2 * FEW) === 0) text += 'GET /next HTTP/1.1\r\nHost: x\r\n\r\n'
  return text
}

/** A name in the cases that it is written in, and as CGI has it. */
function spellings(name: string): string[] {
  const capitalized = name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase())
  const usual = Array.from({ length: 5 }, () => [capitalized, name, name.toUpperCase()]).flat()
  return [...usual, name.replaceAll('-', '_'), capitalized.replaceAll('-', '_'), name.replaceAll('-', '.')]
}

const SPELLINGS = new Map([...NAMES, ...SPECIAL_NAMES].map((name) => [name, spellings(name)]))
const LENGTH_SPELLINGS = ['Content-Length', 'content-length', 'CONTENT-LENGTH', 'Content-length']
