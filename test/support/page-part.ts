import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from './processes.js'

/** One of the modules that the page is made of. */
export const part = (name: string) => import(pathToFileURL(path.join(ROOT, 'routes/lb/page', name)).href)
