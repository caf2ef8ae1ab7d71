import AjvCompiler from '@fastify/ajv-compiler'
import SerializerSelector, { type Serializer } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type Factories = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

const buildSerializer = SerializerSelector()
const serializerOf = new WeakMap<object, Serializer>()

/**
 * Fastify's own compilers of schemas, of which all servers of a process share what they compile: the schemas are
 * constants. The validators' one remembers by itself, as long as it is the same one.
 */
export const compilersFactory: Factories = {
  buildValidator: AjvCompiler() as unknown as Factories['buildValidator'],
  buildSerializer: (externalSchemas, options) => {
    const compile = buildSerializer(externalSchemas, options as object)
    return (route) => {
      const schema = route.schema as object
      const known = serializerOf.get(schema)
      if (known) return known
      const serializer = compile(route)
      serializerOf.set(schema, serializer)
      return serializer
    }
  }
}
