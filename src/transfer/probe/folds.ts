/** @file Folds of a cross-validation: every class in equal shares, and photos that belong together in one fold. */
import { random } from '../../tensor/index.ts'

/** What is dealt into folds. */
export interface FoldOptions {
  /** How many. */
  readonly folds: number
  readonly seed: number | string
  /** A name per sample; samples of one name share a fold. Default: each on its own. */
  readonly units?: readonly string[] | undefined
}

/** The fold (from 0) of every sample. Whole units are dealt, those with most photos first, to the fold that has the fewest of their classes. */
export function stratifiedFolds(labels: readonly number[], { folds, seed, units }: FoldOptions): number[] {
  const members = new Map<string, number[]>()
  labels.forEach((_, i) => {
    const name = units?.[i] ?? `sample ${i}`
    members.set(name, [...(members.get(name) ?? []), i])
  })
  const rng = random(`folds/${seed}`)
  const dealt = rng.shuffle([...members.values()]).sort((a, b) => b.length - a.length)
  const classes = Math.max(0, ...labels) + 1
  const counts = Array.from({ length: folds }, () => new Float64Array(classes))
  const sizes = new Float64Array(folds)
  const found = new Array<number>(labels.length).fill(0)
  for (const unit of dealt) {
    const crowd = counts.map((own, fold) => unit.reduce((sum, i) => sum + own[labels[i]!]!, 0) + sizes[fold]! / (labels.length + 1))
    const fold = crowd.indexOf(Math.min(...crowd))
    for (const i of unit) {
      found[i] = fold
      counts[fold]![labels[i]!]!++
      sizes[fold]!++
    }
  }
  return found
}
