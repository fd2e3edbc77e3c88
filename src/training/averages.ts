/** @file The weights' moving averages while a model trains: exchanged for a look at them, and put in place at the end. */
import type { AverageAccess } from './callback.ts'
import type { Compiled } from './compile.ts'
import { averageSlot } from './optimizers/average.ts'

/** Compilations whose averages are in the model now. */
const swapped = new WeakSet<Compiled>()

/** Access to the averages; undefined when the optimizer keeps none. */
export function averagesOf(compiled: Compiled): AverageAccess | undefined {
  if (!compiled.optimizer.rule.slots.includes(averageSlot)) return undefined
  return {
    get inModel() {
      return swapped.has(compiled)
    },
    swap() {
      // Before the first step there are no averages, and the weights stand for them.
      for (const [variable, slots] of compiled.slots) {
        const average = slots[averageSlot]
        if (!average || compiled.iterations === 0) continue
        const weight = variable.graphValue()
        variable.setGraphValue(average.current)
        average.current = weight
      }
      if (!swapped.delete(compiled)) swapped.add(compiled)
    },
  }
}

/** A checkpoint has put weights and averages in place: says which of them the model holds. */
export function restoreAverages(compiled: Compiled, inModel: boolean): void {
  if (inModel) swapped.add(compiled)
  else swapped.delete(compiled)
}

/** A run that failed: the model holds training's own weights, as it does between the batches. */
export function dropAverages(compiled: Compiled): void {
  const averages = averagesOf(compiled)
  if (averages?.inModel) averages.swap()
}

/** The end of `fit`: the model keeps the averages, and so does the optimizer. */
export function settleAverages(compiled: Compiled): void {
  const averages = averagesOf(compiled)
  if (!averages) return
  if (!averages.inModel) averages.swap()
  swapped.delete(compiled)
  if (compiled.iterations === 0) return
  for (const [variable, slots] of compiled.slots) slots[averageSlot]?.current.data.set(variable.graphValue().data)
}
