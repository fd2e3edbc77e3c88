/** @file The optimizers, and the one of a name. */
import { unknownName } from '../../errors.ts'
import type { Optimizer } from './optimizer.ts'
import { adagrad, adam, adamW, lion, nadam, rmsprop, sgd } from './rules.ts'

export { adagrad, adam, adamW, lion, nadam, rmsprop, sgd } from './rules.ts'
export type { AdagradOptions, AdamOptions, AdamWOptions, LionOptions, NadamOptions, RmspropOptions, SgdOptions } from './rules.ts'
export { makeOptimizer, type Optimizer, type OptimizerOptions, type Rule } from './optimizer.ts'
export { applyOptimizer } from './apply.ts'

const rows: Readonly<Record<string, () => Optimizer>> = { sgd, adam, adamW, rmsprop, adagrad, nadam, lion }

/** All names of optimizers. */
export const optimizerNames: readonly string[] = Object.keys(rows)

/** An optimizer by name with its defaults, or the optimizer itself. */
export function resolveOptimizer(optimizer: string | Optimizer): Optimizer {
  if (typeof optimizer !== 'string') return optimizer
  const found = optimizerNames.find((name) => name.toLowerCase() === optimizer.toLowerCase())
  const make = found === undefined ? undefined : rows[found]
  if (!make) throw unknownName('optimizer', optimizer, optimizerNames)
  return make()
}
