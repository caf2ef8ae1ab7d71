import { METHODS } from 'node:http'
import type { Case } from './case.js'

const SECTION = 'RFC 9110, 7.6.2'

const request = (method: string, lines: readonly string[], target = '/m') =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')

/** The field arrives with another value. */
const lowered = (method: string, value: string, wanted: string, line = `Max-Forwards: ${value}`): Case => ({
  name: `${method}, ${line}`,
  section: SECTION,
  sent: request(method, ['A: 1', line, 'B: 2']),
  arrives: {
    line: `${method} /m HTTP/1.1`,
    fields: [
      ['A', '1'],
      ['B', '2'],
      ['Max-Forwards', wanted]
    ]
  }
})

const LOWERED = [
  ['1', '0'],
  ['10', '9'],
  ['007', '6'],
  ['2147483648', '2147483647'],
  ['2147483649', '2147483647'],
  ['18446744073709551616', '2147483647'],
  ['9'.repeat(400), '2147483647']
] as const

export const maxForwards: Readonly<Record<string, readonly Case[]>> = {
  'a bound on OPTIONS and TRACE is passed on, lowered by one': ['OPTIONS', 'TRACE'].flatMap((method) => [
    ...LOWERED.map(([value, wanted]) => lowered(method, value, wanted)),
    lowered(method, '3', '2', 'MAX-forwards:\t3 '),
    lowered(method, '3', '2', 'Max-Forwards: 3\r\nConnection: max-forwards')
  ]),
  'a bound on the server as a whole': [
    {
      name: 'OPTIONS *',
      section: SECTION,
      sent: request('OPTIONS', ['Max-Forwards: 1'], '*'),
      arrives: { line: 'OPTIONS * HTTP/1.1', fields: [['Max-Forwards', '0']] }
    }
  ],
  'with other methods it is a field like any': METHODS.filter(
    (method) => !['CONNECT', 'OPTIONS', 'TRACE', 'HEAD'].includes(method)
  ).flatMap((method) =>
    ['0', '5', '-1', 'x'].map(
      (value): Case => ({
        name: `${method}, ${value}`,
        section: SECTION,
        sent: request(method, [`Max-Forwards: ${value}`, 'B: 2']),
        arrives: {
          line: `${method} /m HTTP/1.1`,
          fields: [
            ['Max-Forwards', value],
            ['B', '2']
          ]
        }
      })
    )
  )
}
