import { type Load, type LoadSetting, startLoad } from './load/loops.js'
import { SampleRecorder, TallyRecorder } from './load/samples.js'

// The load generator, in a process of its own: its parent sends a LoadSetting to start it and 'stop' to end it, and
// gets the Samples, or a Tally.

let load: Load | undefined
let result: () => object

process.on('message', async (message: LoadSetting | 'stop') => {
  if (message !== 'stop') {
    load = start(message)
    return
  }
  await load?.stop()
  process.send!(result(), () => process.disconnect())
})
process.on('disconnect', () => process.exit())

function start(setting: LoadSetting): Load {
  if (setting.isTallied) {
    const recorder = new TallyRecorder()
    result = () => recorder.tally
    return startLoad(setting, recorder)
  }
  const recorder = new SampleRecorder()
  result = () => recorder.samples()
  return startLoad(setting, recorder)
}
