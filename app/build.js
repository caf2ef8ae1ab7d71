// The build carries a hash of its sources, so that a missing or stale build is reported at start.
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const stampFile = path.join(root, 'dist', 'sources.sha256')
const sourceFolders = ['app', 'bin', 'lib', 'plugins', 'routes']

function sourceFiles() {
  const files = ['fastify.config.ts', 'index.ts']
  for (const folder of sourceFolders) {
    for (const name of fs.readdirSync(path.join(root, folder), { recursive: true })) {
      if (name.endsWith('.ts')) files.push(path.join(folder, name))
    }
  }
  return files.sort()
}

function hashSources() {
  const hash = createHash('sha256')
  for (const file of sourceFiles()) {
    hash
      .update(file)
      .update('\0')
      .update(fs.readFileSync(path.join(root, file)))
  }
  return hash.digest('hex')
}

/** Exits 1 with a message on stderr when `dist/` is missing or was built from other sources. */
function requireBuild() {
  const built = fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8')
  // An installed package ships dist/ without the sources: there is nothing to compare.
  const hasSources = fs.existsSync(path.join(root, 'fastify.config.ts'))
  if (built && (!hasSources || built === hashSources())) return
  const fault = built ? 'The build in dist/ is stale: the sources changed' : 'There is no build in dist/'
  process.stderr.write(`${fault}. Run "npm run build", then start again.\n`)
  process.exit(1)
}

if (require.main === module && process.argv[2] === '--stamp') {
  fs.writeFileSync(stampFile, hashSources())
}

module.exports = { requireBuild }
