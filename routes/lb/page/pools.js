// The backends: a section for each pool, of which those that are asked for are shown.

import { arrange, byId, setAttribute, setText } from './dom.js'
import { Folds } from './folds.js'
import { count } from './format.js'
import { Near } from './near.js'
import { PoolSection } from './pool-section.js'
import { Sorting } from './sorting.js'
import { COLUMNS } from './table.js'

/** Further pools are shown on request. */
const PAGE_LENGTH = 50
/** Tables that are far from the screen are drawn every so many times, by turns. */
const TURNS = 10

export class Pools {
  #operator
  #place = byId('pools')
  #filter = byId('filter')
  #states = byId('states')
  #foldAll = byId('fold-all')
  #more = byId('more-pools')
  #sorting
  #folds = new Folds()
  #sections = new Map()
  #near = new Near(() => this.show(this.#model))
  #turn = 0
  #isWhole = false
  #hasPools
  #order
  #model

  constructor(operator) {
    this.#operator = operator
    this.#sorting = new Sorting(COLUMNS, byId('sort'), () => this.show(this.#model, true))
    const search = () => {
      this.#folds.search(this.#isSearch)
      this.show(this.#model)
    }
    this.#filter.addEventListener('input', search)
    this.#states.addEventListener('change', search)
    this.#foldAll.addEventListener('click', () => {
      const isOpen = !this.#isAnyOpen
      this.#fold([...this.#model.pools.keys()], isOpen)
    })
    this.#more.addEventListener('click', () => {
      this.#isWhole = true
      this.show(this.#model)
    })
  }

  get #isSearch() {
    return this.#filter.value.trim() !== '' || this.#states.value !== 'all'
  }

  get #isAnyOpen() {
    return [...this.#model.pools.keys()].some((name) => this.#folds.isOpen(name))
  }

  #fold(names, isOpen) {
    this.#folds.set(names, isOpen)
    this.show(this.#model)
  }

  /** @param isAsked whether the user asked for another order, which then changes even while the table is in use */
  show(model, isAsked = false) {
    this.#model = model
    if (!model?.now) return
    const { pools, hasPools, backends } = model
    if (hasPools !== this.#hasPools) this.#begin(model)
    this.#forget((name) => pools.has(name))
    const found = [...pools.values()]
      .map((pool) => ({ pool, wanted: pool.backends.filter((backend) => this.#isWanted(backend)) }))
      .filter(
        ({ pool, wanted }) =>
          wanted.length > 0 || !hasPools || (pool.backends.length === 0 && !this.#isSearch)
      )
    const drawn = this.#isWhole ? found : found.slice(0, PAGE_LENGTH)
    this.#arrange(drawn.map(({ pool }) => pool.name))
    this.#turn = (this.#turn + 1) % TURNS
    drawn.forEach(({ pool, wanted }, index) => {
      const section = this.#sections.get(pool.name)
      const isOpen = !hasPools || this.#folds.isOpen(pool.name)
      section.showHead(pool, isOpen, model.now.at)
      const isDue = drawn.length <= TURNS || this.#near.has(section.element) || index % TURNS === this.#turn
      if (isOpen && isDue) section.showTable(wanted, backends, model.now.at, isAsked)
    })
    const wanted = found.reduce((all, one) => all + one.wanted.length, 0)
    setText(
      byId('shown'),
      wanted === backends.size ? '' : `${count(wanted)} of ${count(backends.size)} shown`
    )
    setAttribute(byId('none'), 'hidden', wanted > 0)
    setAttribute(this.#more, 'hidden', drawn.length === found.length)
    setText(this.#more, `Show all ${count(found.length)} pools`)
    setAttribute(this.#foldAll, 'hidden', !hasPools)
    setText(this.#foldAll, this.#isAnyOpen ? 'Close all' : 'Open all')
  }

  /** From one pool to several, or back. */
  #begin({ hasPools, pools }) {
    this.#hasPools = hasPools
    this.#forget(() => false)
    this.#folds.begin(pools.size)
    const title = hasPools ? 'Pools' : 'Backends'
    setText(byId('backends-title'), title)
    setAttribute(byId('backends'), 'data-pools', hasPools)
    const what = hasPools ? 'Filter by address or pool' : 'Filter by address'
    setAttribute(this.#filter, 'placeholder', what)
    setText(byId('filter-name'), what)
  }

  /** Forgets the sections of pools that are no more. */
  #forget(isKept) {
    for (const [name, section] of this.#sections) {
      if (isKept(name)) continue
      this.#near.forget(section.element)
      section.forget()
      this.#sections.delete(name)
      this.#order = undefined
    }
  }

  /** The sections of these pools, in this order. */
  #arrange(names) {
    const order = names.join()
    if (order === this.#order) return
    this.#order = order
    for (const name of names) if (!this.#sections.has(name)) this.#sections.set(name, this.#section(name))
    arrange(
      this.#place,
      names.map((name) => this.#sections.get(name).element)
    )
  }

  #section(name) {
    const section = new PoolSection(this.#hasPools ? name : undefined, {
      sorting: this.#sorting,
      operator: this.#operator,
      onToggle: (isOpen) => this.#fold([name], isOpen),
      onChange: () => this.show(this.#model)
    })
    this.#near.watch(section.element)
    return section
  }

  #isWanted({ address, state, view }) {
    const text = this.#filter.value.trim().toLowerCase()
    const states = this.#states.value
    const isState =
      states === 'all' ||
      state === states ||
      (states === 'trouble' && !['healthy', 'draining', 'terminating'].includes(state))
    return (
      isState &&
      (text === '' ||
        address.includes(text) ||
        (view.backup && 'backup'.startsWith(text)) ||
        (this.#hasPools && view.pool.toLowerCase().includes(text)))
    )
  }
}
