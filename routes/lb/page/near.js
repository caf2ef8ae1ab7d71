// Which elements are on the screen or nearly so: others need not be drawn every second.

const MARGIN = '600px'

export class Near {
  #near = new WeakSet()
  #observer

  /** @param onNear called with the elements that have come near */
  constructor(onNear) {
    this.#observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries)
          if (isIntersecting) this.#near.add(target)
          else this.#near.delete(target)
        const come = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target)
        if (come.length > 0) onNear(come)
      },
      { rootMargin: MARGIN }
    )
  }

  watch(element) {
    this.#observer.observe(element)
  }

  forget(element) {
    this.#observer.unobserve(element)
  }

  has(element) {
    return this.#near.has(element)
  }
}
