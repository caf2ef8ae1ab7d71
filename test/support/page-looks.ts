/** Texts of the page with less contrast to what is behind them than 4.5, and what they are. */
export const FAINT = `(() => {
  const read = (text) => text.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = read(getComputedStyle(at).backgroundColor)
      if (color[3] !== 0) return color
    }
    return [255, 255, 255]
  }
  const faint = []
  for (const element of document.querySelectorAll('body *')) {
    const isText = [...element.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== '')
    if (!isText || !element.checkVisibility() || element.closest('noscript, .hidden')) continue
    const style = getComputedStyle(element)
    const color = element.namespaceURI.endsWith('svg') ? style.fill : style.color
    const [a, b] = [luminance(read(color)), luminance(behind(element))].sort()
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) faint.push(element.outerHTML.slice(0, 80) + ' ' + ratio.toFixed(2))
  }
  return faint
})()`

/** What is wider than the window. */
export const OVERFLOWING = `[...document.querySelectorAll('body *')].filter((element) => {
  const { width, right, left } = element.getBoundingClientRect()
  return width > 0 && (right > innerWidth + 0.5 || left < -0.5) && !element.closest('.hidden, #symbols, .skip')
}).map((element) => element.outerHTML.slice(0, 80)).concat(
  document.documentElement.scrollWidth > innerWidth ? ['it scrolls to the side'] : [])`
