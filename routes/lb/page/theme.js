// Light, dark, or the system's theme. Not a module, so that it runs before the page is first drawn.
const KEY = 'fairlead-theme'
const THEMES = ['auto', 'light', 'dark']

function storedTheme() {
  try {
    const stored = localStorage.getItem(KEY)
    return THEMES.includes(stored) ? stored : 'auto'
  } catch {
    return 'auto'
  }
}

document.documentElement.dataset.theme = storedTheme()

document.addEventListener('DOMContentLoaded', () => {
  const choice = document.getElementById('theme')
  choice.querySelector(`[value="${document.documentElement.dataset.theme}"]`).click()
  choice.addEventListener('change', ({ target }) => {
    document.documentElement.dataset.theme = target.value
    try {
      localStorage.setItem(KEY, target.value)
    } catch {
      // It lasts until the page is left.
    }
  })
})
