/** @file earlyStopping: ends the run when the watched figure has stopped improving. */
import { z } from 'zod'
import { refuseUnknown } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { Callback, TrainingControl, WeightSnapshot } from '../callback.ts'
import { makeMonitor } from './monitor.ts'
import type { MonitorMode } from './monitor.ts'
import { readState, storeBest, storedBest, storedCount } from './stored-state.ts'
import { warnOnce } from './warn-once.ts'

/** What `earlyStopping` takes. */
export interface EarlyStoppingOptions {
  /** Log key to watch; default `val_loss`. */
  readonly monitor?: string
  /** Least change that counts as improvement; default 0. */
  readonly minDelta?: number
  /** Epochs without improvement after which the run ends; default 0. */
  readonly patience?: number
  /** 1 also emits messages; default 0. */
  readonly verbose?: 0 | 1
  /** Default `auto`: the metric's own direction. */
  readonly mode?: MonitorMode
  /** Patience starts anew only at values that also beat this one. */
  readonly baseline?: number | null
  /** Give the model the weights of its best epoch at the end, whether or not the run was stopped; default false. */
  readonly restoreBestWeights?: boolean
  /** Epochs before this one (from 0) do not count; default 0. */
  readonly startFromEpoch?: number
}

const OPTIONS: Readonly<Record<keyof EarlyStoppingOptions, true>> = {
  monitor: true,
  minDelta: true,
  patience: true,
  verbose: true,
  mode: true,
  baseline: true,
  restoreBestWeights: true,
  startFromEpoch: true,
}

/** The callback and what it found; epochs count from 0. */
export interface EarlyStopping extends Callback {
  /** The best value so far; null before the first. */
  readonly best: number | null
  /** The epoch of it, counted from 0. */
  readonly bestEpoch: number
  /** 0 when the run was not stopped. */
  readonly stoppedEpoch: number
  /** Epochs since then. */
  readonly wait: number
}

const NAME = 'earlyStopping'
const STORED = z.object({ best: storedBest, bestEpoch: storedCount, stoppedEpoch: storedCount, wait: storedCount })
const FRESH: z.infer<typeof STORED> = { best: null, bestEpoch: 0, stoppedEpoch: 0, wait: 0 }

/** Ends the run when `monitor` has not improved for `patience` epochs; Keras's EarlyStopping. Throws USAGE for impossible arguments. */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  refuseUnknown('earlyStopping', options, OPTIONS)
  const { monitor, patience, baseline, startFromEpoch, restoreBestWeights, verbose } = readSettings(options)
  const missing = warnOnce(NAME)
  const weights = bestWeights(verbose)
  const found: Callback & z.infer<typeof STORED> = {
    name: NAME,
    ...FRESH,
    onTrainBegin(control) {
      Object.assign(found, FRESH)
      weights.forget()
      missing.reset()
      monitor.improvement(control)
    },
    async onEpochEnd(epoch, logs, control) {
      const improves = monitor.improvement(control)
      const value = monitor.value(logs)
      if (value === undefined) missing.warn(`${monitor.key} is not in the logs, which have ${Object.keys(logs).join(', ')}`, control)
      if (value === undefined || epoch < startFromEpoch) return
      found.wait++
      if (improves(value, found.best)) {
        found.best = value
        found.bestEpoch = epoch
        if (restoreBestWeights) await weights.take(control)
        if (baseline === null || improves(value, baseline)) found.wait = 0
        return
      }
      if (found.wait < patience || epoch === 0) return
      found.stoppedEpoch = epoch
      control.stop(`${monitor.key} has not improved on ${String(found.best)} since epoch ${String(found.bestEpoch + 1)}`, NAME)
    },
    async onTrainEnd(_logs, control) {
      if (restoreBestWeights) await weights.giveBack(found.bestEpoch, control)
    },
    state: () => ({ best: storeBest(found.best), bestEpoch: found.bestEpoch, stoppedEpoch: found.stoppedEpoch, wait: found.wait }),
    tensors: () => weights.tensors(),
    restore(state, tensors) {
      Object.assign(found, readState(NAME, STORED, state))
      if (found.best !== null) weights.takeUp(tensors ?? [])
    },
  }
  return found
}

function readSettings(options: EarlyStoppingOptions) {
  const { monitor = 'val_loss', minDelta = 0, mode = 'auto', patience = 0, startFromEpoch = 0 } = options
  const { baseline = null, restoreBestWeights = false, verbose = 0 } = options
  const checks = checksFor(NAME)
  checks.whole('patience', patience, 0)
  checks.whole('startFromEpoch', startFromEpoch, 0)
  if (baseline !== null) checks.finite('baseline', baseline)
  return {
    patience,
    startFromEpoch,
    baseline,
    restoreBestWeights,
    verbose: verbose > 0,
    monitor: makeMonitor(NAME, { monitor, mode, minDelta }),
  }
}

/** The copy of the best weights. Where a backup holds the state without it, the resumed run knows its epoch, but no longer has it. */
function bestWeights(verbose: boolean) {
  let held: { readonly snapshot: WeightSnapshot } | 'none' | 'lost' = 'none'
  return {
    forget: () => void (held = 'none'),
    tensors: (): WeightSnapshot => (typeof held === 'string' ? [] : held.snapshot),
    takeUp: (tensors: WeightSnapshot) => void (held = tensors.length > 0 ? { snapshot: tensors } : 'lost'),
    async take(control: TrainingControl): Promise<void> {
      held = { snapshot: await control.model.snapshot() }
    },
    async giveBack(epoch: number, control: TrainingControl): Promise<void> {
      const label = String(epoch + 1)
      if (held === 'none') return
      if (held === 'lost') {
        const message = `The weights of epoch ${label}, the best one, were not kept when the run was interrupted; those of the last epoch stay`
        control.emit({ type: 'warning', message, by: NAME })
        return
      }
      await control.model.restore(held.snapshot)
      if (verbose) control.emit({ type: 'message', message: `Restored the weights of epoch ${label}, the best one`, by: NAME })
    },
  }
}
