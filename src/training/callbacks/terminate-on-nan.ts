/** @file terminateOnNaN: ends the run at the first loss that is no finite number. */
import { RootstockError, refuseUnknown } from '../../errors.ts'
import type { Callback } from '../callback.ts'

/** What `terminateOnNaN` takes. */
export interface TerminateOnNaNOptions {
  /** Throw NAN_LOSS at once, without `onTrainEnd`; default false. */
  readonly raiseError?: boolean
}

const NAME = 'terminateOnNaN'
const OPTIONS: Readonly<Record<keyof TerminateOnNaNOptions, true>> = { raiseError: true }

/** Ends the run in good order when the loss is NaN or infinite; Keras's TerminateOnNaN. Without it, `fit` throws NAN_LOSS by itself. */
export function terminateOnNaN(options: TerminateOnNaNOptions = {}): Callback {
  refuseUnknown(NAME, options, OPTIONS)
  const { raiseError = false } = options
  return {
    name: NAME,
    onTrainBatchEnd(batch, logs, control) {
      const { loss } = logs
      if (loss === undefined || Number.isFinite(loss)) return
      const found = `the loss became ${String(loss)} at batch ${String(batch + 1)}`
      if (raiseError) {
        throw new RootstockError('NAN_LOSS', `Cannot go on training: ${found}, expected a finite number`, {
          hint: 'Lower the learning rate or clip the gradients (clipnorm: 1)',
        })
      }
      control.stop(found, NAME)
    },
  }
}
