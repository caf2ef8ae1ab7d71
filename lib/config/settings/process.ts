import { seconds } from '../../base/values/values.js'
import { variable } from '../variable.js'
import { fileInFolder } from './admin.js'

const HOUR_S = 3600
const DAY_S = 24 * HOUR_S

/** The variables of the process: its end, and its successor. */
export const processVariables = {
  LB_DRAIN_TIMEOUT: variable(seconds(0, HOUR_S), {
    description: 'Time that requests in flight have to finish at shutdown before they are cut.',
    fallback: '30',
    unit: 'seconds',
    flags: '--drain-timeout <seconds>'
  }),
  LB_UPGRADE_DRAIN_TIMEOUT: variable(seconds(0, DAY_S), {
    description:
      'Time that requests in flight and tunnels have to finish in the old process after an [upgrade](operations.md#upgrades) ' +
      'before they are cut.',
    fallback: '600',
    unit: 'seconds',
    flags: '--upgrade-drain-timeout <seconds>'
  }),
  LB_PID_FILE: variable(fileInFolder(), {
    description:
      'File with the number of the process that serves, which changes with each [upgrade](operations.md#upgrades). Empty for none.',
    fallback: '',
    flags: '--pid-file <path>'
  })
}
