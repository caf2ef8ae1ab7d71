'use strict'
// What FASTIFY_CONFIG in .env names: plain JavaScript, so that it can speak when there is no build.
require('./build.js').requireBuild()
module.exports = require('../dist/fastify.config.js')
