/** @file A moving average of every weight beside an optimizer's own state (Polyak averaging). */
import { RootstockError } from '../../errors.ts'
import { steps } from '../../graph/index.ts'
import type { OptimizerOptions, Rule } from './optimizer.ts'

const { add, mul, sub } = steps

/** The slot that holds the average. */
export const averageSlot = 'average'

// a ← μ·a + (1 − μ)·w, and a ← w at the first step; every so many steps also w ← a
/** The rule with the average as one slot more. */
export function averaged(name: string, { emaMomentum = 0.99, emaOverwriteFrequency }: OptimizerOptions, rule: Rule): Rule {
  check(name, emaMomentum, emaOverwriteFrequency)
  const overwrites = (step: number): boolean => emaOverwriteFrequency != null && step % emaOverwriteFrequency === 0
  return {
    ...rule,
    slots: [...rule.slots, averageSlot],
    scalars: (step, rate) => ({
      ...rule.scalars(step, rate),
      ema_old: step === 1 ? 0 : emaMomentum,
      ema_new: step === 1 ? 1 : Math.fround(1 - Math.fround(emaMomentum)),
      ...(emaOverwriteFrequency == null ? {} : { ema_overwrite: overwrites(step) ? 1 : 0 }),
    }),
    update(context) {
      const { tape, slots, scalars } = context
      const { weight, slots: own } = rule.update(context)
      const average = add(tape, mul(tape, slots[averageSlot]!, scalars['ema_old']!), mul(tape, weight, scalars['ema_new']!))
      if (emaOverwriteFrequency == null) return { weight, slots: { ...own, [averageSlot]: average } }
      const takes = scalars['ema_overwrite']!
      // A factor of exactly 0 or 1 chooses without rounding.
      const kept = mul(tape, weight, sub(tape, tape.number(1), takes))
      return { weight: add(tape, kept, mul(tape, average, takes)), slots: { ...own, [averageSlot]: average } }
    },
  }
}

function check(name: string, momentum: number, frequency: number | null | undefined): void {
  if (!(momentum >= 0 && momentum <= 1))
    throw new RootstockError('USAGE', `Invalid emaMomentum of ${name}: found ${momentum}, expected a number from 0 to 1`)
  if (frequency == null || (Number.isInteger(frequency) && frequency >= 1)) return
  throw new RootstockError('USAGE', `Invalid emaOverwriteFrequency of ${name}: found ${frequency}, expected a whole number of at least 1`)
}
