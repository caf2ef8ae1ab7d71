// Which pools are open: what the user has chosen is kept as long as the tab.

const KEY = 'fairlead-pools'
/** With more pools they are closed at first. */
const OPEN_AT_FIRST = 10

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {}
  } catch {
    return {}
  }
}

export class Folds {
  #chosen = stored()
  /** Chosen while only some backends are looked for, and forgotten when others are. */
  #meanwhile = {}
  #isSearch = false
  #areOpen = true

  /** @param number of pools */
  begin(number) {
    this.#areOpen = number <= OPEN_AT_FIRST
  }

  /** @param isSearch whether some backends are looked for: what is found is open */
  search(isSearch) {
    this.#isSearch = isSearch
    this.#meanwhile = {}
  }

  isOpen(name) {
    return this.#isSearch ? (this.#meanwhile[name] ?? true) : (this.#chosen[name] ?? this.#areOpen)
  }

  set(names, isOpen) {
    const choice = this.#isSearch ? this.#meanwhile : this.#chosen
    for (const name of names) choice[name] = isOpen
    if (this.#isSearch) return
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.#chosen))
    } catch {
      // It lasts until the page is left.
    }
  }
}
