/** @file learningRateScheduler: a learning rate for each epoch from a function. */
import { RootstockError, refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Callback } from '../callback.ts'

/** What `learningRateScheduler` takes. */
export interface LearningRateSchedulerOptions {
  /** 1 also emits messages; default 0. */
  readonly verbose?: 0 | 1
}

const NAME = 'learningRateScheduler'
const OPTIONS: Readonly<Record<keyof LearningRateSchedulerOptions, true>> = { verbose: true }

/**
 * Sets the learning rate to what `schedule` gives for the epoch (from 0) and the present rate, before each epoch; Keras's
 * LearningRateScheduler. Throws USAGE when it is no function, when it gives no number of at least 0, or when the optimizer follows one of its own.
 */
export function learningRateScheduler(
  schedule: (epoch: number, learningRate: number) => number,
  options: LearningRateSchedulerOptions = {},
): Callback {
  refuseUnknown(NAME, options, OPTIONS)
  checksFor(NAME).require(typeof schedule === 'function', 'schedule', schedule, 'a function of the epoch and the present rate')
  const { verbose = 0 } = options
  return {
    name: NAME,
    onEpochBegin(epoch, control) {
      const from = control.learningRate
      const wanted: unknown = schedule(epoch, from)
      if (typeof wanted !== 'number' || !(wanted >= 0 && Number.isFinite(wanted))) {
        throw new RootstockError(
          'USAGE',
          `Cannot set the learning rate of epoch ${String(epoch + 1)}: the schedule gave ${String(wanted)}, expected a number of at least 0`,
        )
      }
      control.learningRate = wanted
      const to = control.learningRate
      if (to !== from) control.emit({ type: 'learningRate', from, to, by: NAME })
      if (verbose > 0)
        control.emit({ type: 'message', message: `Epoch ${String(epoch + 1)}: learning rate set to ${String(wanted)}`, by: NAME })
    },
    onEpochEnd(_epoch, logs, control) {
      logs['learning_rate'] = control.learningRate
    },
  }
}
