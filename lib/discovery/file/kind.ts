import path from 'node:path'
import type { SourceKind } from '../spec/source-spec.js'
import type { FileGiven } from './options.js'

/** `file:///path`: a file in JSON or YAML, replaced in one step. */
export const fileKind: SourceKind<FileGiven> = {
  schemes: ['file'],
  options: [],
  read(place, _options, fault) {
    if (!path.isAbsolute(place) || place.endsWith('/')) {
      fault('must be the absolute path of a file, such as file:///etc/fairlead/backends.yaml')
      return undefined
    }
    return { path: place }
  },
  create(given, context) {
    const { FileSource } = require('./file-source.js') as typeof import('./file-source.js')
    return new FileSource(given, context)
  }
}
