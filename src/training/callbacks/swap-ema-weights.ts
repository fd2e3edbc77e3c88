/** @file swapEmaWeights: validates with the moving averages of the weights. */
import { RootstockError, refuseUnknown } from '../../errors.ts'
import type { AverageAccess, Callback, TrainingControl } from '../callback.ts'

/** What `swapEmaWeights` takes. */
export interface SwapEmaWeightsOptions {
  /** Leave the averages in the model from validation to the next epoch, for callbacks that come after this one; default false. */
  readonly swapOnEpoch?: boolean
}

const NAME = 'swapEmaWeights'
const OPTIONS: Readonly<Record<keyof SwapEmaWeightsOptions, true>> = { swapOnEpoch: true }

/** Puts the averages into the model for every validation, and takes them out again; Keras's SwapEMAWeights. Needs an optimizer with `useEma`. */
export function swapEmaWeights(options: SwapEmaWeightsOptions = {}): Callback {
  refuseUnknown(NAME, options, OPTIONS)
  const { swapOnEpoch = false } = options
  return {
    name: NAME,
    onTrainBegin: (control) => put('weights', control),
    onEpochBegin: (_epoch, control) => put('weights', control),
    onTestBegin: (control) => put('averages', control),
    onTestEnd: (_logs, control) => put('weights', control),
    onEpochEnd(_epoch, _logs, control) {
      if (swapOnEpoch) put('averages', control)
    },
  }
}

function put(which: 'weights' | 'averages', control: TrainingControl): void {
  const averages: AverageAccess | undefined = control.model.averages
  if (!averages) {
    throw new RootstockError('USAGE', `Cannot use ${NAME}: the optimizer keeps no averages of the weights`, {
      hint: 'Make the optimizer with useEma: true',
    })
  }
  if (averages.inModel !== (which === 'averages')) averages.swap()
}
