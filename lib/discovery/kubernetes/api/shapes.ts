import * as v from 'valibot'

/** A list of objects, or a part of one. */
export const listShape = v.object({
  metadata: v.object({
    resourceVersion: v.pipe(v.string(), v.minLength(1)),
    continue: v.nullish(v.string())
  }),
  items: v.nullish(v.array(v.unknown()), [])
})

/** An event of a watch. */
export const eventShape = v.object({ type: v.string(), object: v.unknown() })

/** What every object has; a bookmark has no name. */
export const objectShape = v.object({
  metadata: v.object({ name: v.nullish(v.string(), ''), resourceVersion: v.nullish(v.string()) })
})
