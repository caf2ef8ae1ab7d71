import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ROOT } from '../support/processes.js'

const pagesIn = (folder: string) =>
  readdirSync(path.join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name))

const PAGES = ['CONTRIBUTING.md', 'docs/decisions/README.md', ...pagesIn('docs')]
const FILES = [...new Set(['README.md', ...PAGES, ...pagesIn('docs/decisions')])]
const LINK = /\]\(([^)\s]+)\)/g

/** The anchors of the headings, as they are made where such files are shown. */
function anchorsOf(file: string): Set<string> {
  const text = readFileSync(path.join(ROOT, file), 'utf8').replace(/^```.*?^```/gms, '')
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-')
    )
  )
}

for (const file of FILES) {
  t.test(`the links of ${file} lead somewhere`, async (t) => {
    const text = readFileSync(path.join(ROOT, file), 'utf8')
    const links = [...text.matchAll(LINK)].map(([, link]) => link!).filter((link) => !/^[a-z]+:/.test(link))
    for (const link of links) {
      const [place = '', anchor] = link.split('#')
      const target = place === '' ? file : path.join(path.dirname(file), place)
      t.ok(existsSync(path.join(ROOT, target)), link)
      if (anchor) t.ok(anchorsOf(target).has(anchor), link)
    }
  })
}

t.test('the README leads to every page', async (t) => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8')
  for (const file of PAGES) t.ok(readme.includes(`(${file})`) || readme.includes(`(${file}#`), file)
})

t.test('every decision is in the list of decisions', async (t) => {
  const list = readFileSync(path.join(ROOT, 'docs/decisions/README.md'), 'utf8')
  for (const file of pagesIn('docs/decisions'))
    t.ok(path.basename(file) === 'README.md' || list.includes(`(${path.basename(file)})`), file)
})
