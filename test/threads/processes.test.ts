import { inThreads } from '../support/in-threads.js'

inThreads('process/clients', 'process/drain', 'process/natural-end', 'process/storms')
