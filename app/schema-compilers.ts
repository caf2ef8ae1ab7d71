import type { BuildCompilerFromPool, RouteDefinition } from '@fastify/ajv-compiler'
import type { SerializerFactory } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'
import { isAdminTarget } from '../lib/base/http/request-target.js'

type Factories = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

const acceptAny = () => true

let buildAjv: BuildCompilerFromPool | undefined
let buildFastJsonStringify: SerializerFactory | undefined

// All servers of a process share the first one, which remembers what it has compiled.
const ajvCompiler: BuildCompilerFromPool = (externalSchemas, options) => {
  buildAjv ??= (require('@fastify/ajv-compiler') as typeof import('@fastify/ajv-compiler')).default()
  return buildAjv(externalSchemas, options)
}

const fastJsonStringifyCompiler: SerializerFactory = (externalSchemas, options) => {
  const { default: selector } =
    require('@fastify/fast-json-stringify-compiler') as typeof import('@fastify/fast-json-stringify-compiler')
  buildFastJsonStringify ??= selector()
  return buildFastJsonStringify(externalSchemas, options)
}

/**
 * Fastify's own compilers of schemas, loaded for what needs them alone, as they take a tenth of a start. Below `/__lb/`
 * that is the bodies of requests: parameters and fields are text, as their schemas say, and responses are what theirs say,
 * which tests check.
 */
export const compilersFactory: Factories = {
  buildValidator: ((externalSchemas, options) => {
    let compile: ReturnType<BuildCompilerFromPool> | undefined
    return (route: RouteDefinition) => {
      if (isAdminTarget(route.url) && route.httpPart !== 'body') return acceptAny
      compile ??= ajvCompiler(externalSchemas, options)
      return compile(route)
    }
  }) as BuildCompilerFromPool as Factories['buildValidator'],
  buildSerializer: (externalSchemas, options) => {
    let compile: ReturnType<SerializerFactory> | undefined
    return (route) => {
      if (isAdminTarget(route.url)) return JSON.stringify
      compile ??= fastJsonStringifyCompiler(externalSchemas, options as object)
      return compile(route)
    }
  }
}
