/** @file Photos that are there twice, by keys of their content. */
import type { RunFacts } from './check.ts'

/** Photos with a key for the content of each; an empty key is none. */
export interface Keyed {
  readonly keys: readonly string[]
  readonly labels: ArrayLike<number>
  readonly names: readonly string[]
  readonly describe: (index: number) => string
}

/** Copies whose classes differ; undefined where there are none. */
export function twinsOf({ keys, labels, names, describe }: Keyed): RunFacts['twins'] {
  const before = new Map<string, number>()
  let count = 0
  let first: readonly [number, number] | undefined
  keys.forEach((key, index) => {
    const other = before.get(key)
    if (key === '' || other === undefined) return void before.set(key, index)
    if (labels[other] === labels[index]) return
    count++
    first ??= [other, index]
  })
  if (!first) return undefined
  const [a, b] = first
  return { count, first: [describe(a), describe(b)], classes: [nameOf(names, labels[a]), nameOf(names, labels[b])] }
}

/** Photos of `held` that are among those of training; undefined where there are none. */
export function seenIn(training: Keyed, held: Keyed, part: 'validation' | 'test' = 'validation'): RunFacts['seen'] {
  const known = new Map(training.keys.map((key, index) => [key, index] as const))
  const found = held.keys.flatMap((key, index) => {
    const twin = key === '' ? undefined : known.get(key)
    return twin === undefined ? [] : [[training.describe(twin), held.describe(index)] as const]
  })
  return found[0] && { count: found.length, first: found[0], part }
}

const nameOf = (names: readonly string[], label: number | undefined): string => names[label ?? -1] ?? String(label)
