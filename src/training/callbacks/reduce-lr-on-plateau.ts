/** @file reduceLROnPlateau: lowers the learning rate when the watched figure has stopped improving. */
import { z } from 'zod'
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Callback, TrainingControl } from '../callback.ts'
import { makeMonitor } from './monitor.ts'
import type { MonitorMode } from './monitor.ts'
import { readState, storeBest, storedBest, storedCount } from './stored-state.ts'
import { warnOnce } from './warn-once.ts'

/** What `reduceLROnPlateau` takes. */
export interface ReduceLROnPlateauOptions {
  /** Log key to watch; default `val_loss`. */
  readonly monitor?: string
  /** New rate = factor · old rate; at least 0 and below 1; default 0.1. */
  readonly factor?: number
  /** Epochs without improvement after which the rate is lowered; default 10. */
  readonly patience?: number
  /** 1 also emits messages; default 0. */
  readonly verbose?: 0 | 1
  /** Default `auto`: the metric's own direction. */
  readonly mode?: MonitorMode
  /** Least change that counts as improvement; default 1e-4. */
  readonly minDelta?: number
  /** Epochs to rest after lowering the rate; default 0. */
  readonly cooldown?: number
  /** The rate never goes below this; default 0. */
  readonly minLr?: number
}

const OPTIONS: Readonly<Record<keyof ReduceLROnPlateauOptions, true>> = {
  monitor: true,
  factor: true,
  patience: true,
  verbose: true,
  mode: true,
  minDelta: true,
  cooldown: true,
  minLr: true,
}

const NAME = 'reduceLROnPlateau'
const STORED = z.object({ best: storedBest, wait: storedCount, cooldownCounter: storedCount })
const FRESH: z.infer<typeof STORED> = { best: null, wait: 0, cooldownCounter: 0 }

/** Multiplies the learning rate by `factor` when `monitor` has not improved for `patience` epochs; Keras's ReduceLROnPlateau. */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  refuseUnknown('reduceLROnPlateau', options, OPTIONS)
  const { factor = 0.1, patience = 10, cooldown = 0, minLr = 0, verbose = 0 } = options
  const { monitor: key = 'val_loss', mode = 'auto', minDelta = 1e-4 } = options
  const checks = checksFor(NAME)
  checks.require(factor >= 0 && factor < 1, 'factor', factor, 'a number of at least 0 and below 1')
  checks.whole('patience', patience, 0)
  checks.whole('cooldown', cooldown, 0)
  checks.atLeast('minLr', minLr, 0)
  const monitor = makeMonitor(NAME, { monitor: key, mode, minDelta })
  const missing = warnOnce(NAME)
  let found = { ...FRESH }

  return {
    name: NAME,
    onTrainBegin(control) {
      found = { ...FRESH }
      missing.reset()
      monitor.improvement(control)
    },
    onEpochEnd(epoch, logs, control) {
      const improves = monitor.improvement(control)
      logs['learning_rate'] = control.learningRate
      const value = monitor.value(logs)
      if (value === undefined) return missing.warn(`${key} is not in the logs, which have ${Object.keys(logs).join(', ')}`, control)
      if (found.cooldownCounter > 0) {
        found.cooldownCounter--
        found.wait = 0
      }
      if (improves(value, found.best)) {
        found.best = value
        found.wait = 0
        return
      }
      if (found.cooldownCounter > 0) return
      found.wait++
      if (found.wait < patience || !lower({ factor, minLr }, control)) return
      found.cooldownCounter = cooldown
      found.wait = 0
      if (verbose > 0) say(epoch, control)
    },
    state: () => ({ ...found, best: storeBest(found.best) }),
    restore(state) {
      found = readState(NAME, STORED, state)
    },
  }
}

/** Rates are float32; the product is taken in double precision and rounded once. Returns whether there was room to go down. */
function lower({ factor, minLr }: { factor: number; minLr: number }, control: TrainingControl): boolean {
  const from = Math.fround(control.learningRate)
  if (from <= Math.fround(minLr)) return false
  const to = Math.fround(Math.max(from * factor, minLr))
  control.learningRate = to
  control.emit({ type: 'learningRate', from, to, by: NAME })
  return true
}

function say(epoch: number, control: TrainingControl): void {
  const message = `Epoch ${String(epoch + 1)}: learning rate lowered to ${String(control.learningRate)}`
  control.emit({ type: 'message', message, by: NAME })
}
