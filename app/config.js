// The file that FASTIFY_CONFIG in .env names: plain JavaScript, so that it works without a build.
require('./build.js').requireBuild()

try {
  module.exports = require('../dist/fastify.config.js')
} catch (error) {
  if (error.code !== 'LB_BAD_CONFIG') throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}
