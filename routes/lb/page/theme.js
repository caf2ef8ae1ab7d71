// Light, dark, or as the system has it. No module: the page is not to be drawn in the wrong one first.
const KEY = 'fairlead-theme'

function storedTheme() {
  try {
    return localStorage.getItem(KEY) ?? 'auto'
  } catch {
    return 'auto'
  }
}

document.documentElement.dataset.theme = storedTheme()

document.addEventListener('DOMContentLoaded', () => {
  const choice = document.getElementById('theme')
  choice.querySelector(`[value="${document.documentElement.dataset.theme}"]`)?.click()
  choice.addEventListener('change', ({ target }) => {
    document.documentElement.dataset.theme = target.value
    try {
      localStorage.setItem(KEY, target.value)
    } catch {
      // It holds until the page is left.
    }
  })
})
