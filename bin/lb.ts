#!/usr/bin/env node
import '../app/young-generation.js'
import { complaint } from './admin-commands.js'
import { balancerCommand } from './balancer-command.js'

balancerCommand()
  .parseAsync()
  .catch((error) => {
    console.error(complaint(error))
    process.exit(1)
  })
