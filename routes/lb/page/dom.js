// Elements, created and changed so that no content is ever parsed as markup.

const SVG = 'http://www.w3.org/2000/svg'

/** An element with these attributes, of which those that are undefined or false are left out. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children)
}

/** The same of SVG. */
export function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value)
  element.append(...children)
  return element
}

/** One of the icons that the document defines, hidden from screen readers. */
export function icon(name) {
  return s('svg', { class: 'icon', 'aria-hidden': 'true' }, s('use', { href: `#icon-${name}` }))
}

export function setIcon(element, name) {
  setAttribute(element.firstChild, 'href', `#icon-${name}`)
}

/** Changes the document only if the text differs. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

export function setAttribute(element, name, value) {
  const text = value === undefined || value === false ? null : value === true ? '' : String(value)
  if (element.getAttribute(name) === text) return
  if (text === null) element.removeAttribute(name)
  else element.setAttribute(name, text)
}

/** Gives a place these elements, in this order. The focus stays where it is, if that is among them. */
export function arrange(place, elements) {
  const focused = document.activeElement
  place.replaceChildren(...elements)
  if (focused !== document.activeElement && place.contains(focused)) focused.focus({ preventScroll: true })
}

export const byId = (id) => document.getElementById(id)
