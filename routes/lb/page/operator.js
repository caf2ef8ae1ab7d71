// Changes of backends by an operator: asks for the token and for weights, and for confirmation of dangerous changes.

import { Refused } from './api.js'
import { byId, setAttribute, setText } from './dom.js'

const NOTICE_MS = 6000

export class Operator {
  #api
  #model
  #announcer
  #notice = byId('notice')
  #unlocker = byId('unlock')
  #weights = byId('weights')
  #confirmer = byId('confirm')
  #isBusy = false
  #timer

  constructor(api, model, announcer) {
    this.#api = api
    this.#model = model
    this.#announcer = announcer
    byId('operate').addEventListener('click', () => this.#askOrLock())
    byId('dismiss').addEventListener('click', () => this.#tell(''))
    for (const dialog of [this.#unlocker, this.#weights, this.#confirmer]) {
      dialog.querySelector('.cancel').addEventListener('click', () => dialog.close())
      dialog.addEventListener('close', () => dialog.querySelector('form').reset())
    }
    onSubmit(this.#unlocker, () => this.#unlock())
  }

  /** Shows which changes are possible. */
  show() {
    const { now } = this.#model
    if (!now.isWritable) this.#api.lock()
    setAttribute(document.body, 'data-unlocked', this.#api.isUnlocked)
    setAttribute(byId('operate'), 'hidden', !now.isWritable)
    setText(byId('operate-text'), this.#api.isUnlocked ? 'Lock' : 'Make changes')
    setAttribute(
      byId('operate').querySelector('use'),
      'href',
      this.#api.isUnlocked ? '#icon-open' : '#icon-locked'
    )
  }

  drain = async (backend) => {
    const title = this.#model.titleOf(backend)
    if (backend.state === 'draining') {
      await this.#change(backend, { draining: false }, `${title} is drained no more`)
      return
    }
    const pool = this.#model.pools.get(backend.view.pool)
    const isLast = backend.state === 'healthy' && pool.healthyCount === 1
    if (isLast && !(await this.#confirm(title))) return
    await this.#change(backend, { draining: true }, `${title} is being drained`)
  }

  weigh = (backend) => {
    const title = this.#model.titleOf(backend)
    const input = byId('weight')
    setText(byId('weights-title'), `Weight of ${title}`)
    onSubmit(this.#weights, async () => {
      const weight = Number(input.value)
      this.#weights.close()
      await this.#change(backend, { weight }, `${title} has a weight of ${weight}`)
    })
    this.#weights.showModal()
    input.value = backend.view.weight
    input.select()
  }

  reset = (backend) =>
    this.#act(`The ejection of ${this.#model.titleOf(backend)} is over`, () => this.#api.reset(backend.view))

  #change({ view }, change, done) {
    return this.#act(done, () => this.#api.change(view, change))
  }

  async #act(done, ask) {
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      await ask()
      this.#tell(done)
    } catch (error) {
      this.#fail(error, (text) => this.#tell(text, true))
    } finally {
      this.#isBusy = false
      this.show()
    }
  }

  #askOrLock() {
    if (this.#api.isUnlocked) {
      this.#api.lock()
      this.show()
      return
    }
    this.#showUnlockError('')
    this.#unlocker.showModal()
  }

  async #unlock() {
    const input = byId('token')
    try {
      await this.#api.unlock(input.value)
      this.#unlocker.close()
      this.#tell('Backends can be changed until this page is left or locked')
      this.show()
    } catch (error) {
      this.#fail(error, (text) => this.#showUnlockError(text))
      input.select()
    }
  }

  #showUnlockError(text) {
    setText(byId('unlock-fault'), text)
    setAttribute(byId('token'), 'aria-invalid', text !== '' && 'true')
  }

  /** Asks for confirmation before the last backend of a pool is drained. */
  #confirm(title) {
    const { hasPools } = this.#model
    const what = `${title} is the last healthy backend${hasPools ? ' there' : ''}.`
    setText(byId('confirm-text'), `${what} Requests${hasPools ? ' for this pool' : ''} will be answered 503.`)
    this.#confirmer.showModal()
    return new Promise((resolve) => {
      let isMeant = false
      onSubmit(this.#confirmer, () => {
        isMeant = true
        this.#confirmer.close()
      })
      this.#confirmer.addEventListener('close', () => resolve(isMeant), { once: true })
    })
  }

  #fail(error, tell) {
    if (!(error instanceof Refused)) throw error
    tell(error.message)
  }

  #tell(text, isFault = false) {
    setText(byId('notice-text'), text)
    setAttribute(this.#notice, 'hidden', text === '')
    setAttribute(this.#notice, 'data-fault', isFault)
    clearTimeout(this.#timer)
    // An error stays until it is dismissed.
    if (!isFault) this.#timer = setTimeout(() => setAttribute(this.#notice, 'hidden', true), NOTICE_MS)
    this.#announcer.say(text)
  }
}

/** In place of what was to be done before. Forms send nothing by themselves. */
function onSubmit(dialog, act) {
  dialog.querySelector('form').onsubmit = (event) => {
    event.preventDefault()
    void act()
  }
}
