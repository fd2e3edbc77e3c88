/** @file A stand-in for the training loop that feeds scripted figures to callbacks and records what they do. */
import { runCallbacks } from '../callback.ts'
import type { AverageAccess, Callback, CallbackState, TrainingControl } from '../callback.ts'
import type { Logs, TrainingEvent } from '../events.ts'

/** What the callbacks did in a driven run. */
export interface Driven {
  /** After each epoch. */
  readonly learningRates: number[]
  readonly logs: Logs[]
  readonly events: TrainingEvent[]
  readonly saved: string[]
  stoppedAfter: number | null
  stopReason: string
  /** The one weight of the model, which holds the number of the epoch. */
  weight: number
  /** What a callback passed to `resumeAt`. */
  resumed?: { readonly epoch: number; readonly states: readonly CallbackState[] }
}

export interface DriveOptions {
  readonly monitor?: string
  readonly from?: number
  readonly directions?: Readonly<Record<string, 'min' | 'max'>>
  readonly learningRate?: number
  /** Handed to the callbacks after onTrainBegin, as a resumed run does. */
  readonly states?: readonly unknown[]
  readonly averages?: AverageAccess
  readonly callbacks?: readonly Callback[]
  readonly aborted?: boolean
}

/** A control over a model of one number. */
export function fakeControl(options: DriveOptions = {}): { control: TrainingControl; driven: Driven } {
  const driven: Driven = { learningRates: [], logs: [], events: [], saved: [], stoppedAfter: null, stopReason: '', weight: -1 }
  let rate = Math.fround(options.learningRate ?? 0.1)
  const keep = (kind: string) => (path: string) => Promise.resolve(void driven.saved.push(`${kind}:${path}`))
  const control: TrainingControl = {
    model: {
      weights: [],
      saveWeights: keep('weights'),
      save: keep('model'),
      snapshot: () => Promise.resolve([{ data: Float32Array.of(driven.weight), shape: [], dtype: 'float32' }]),
      restore: ([snapshot]) => Promise.resolve(void (driven.weight = snapshot?.data[0] ?? NaN)),
      loadWeights: keep('loaded'),
      toJson: () => '{}',
      graph: () => undefined,
      activations: (photos) => Promise.resolve(photos),
      gradients: () => [],
      averages: options.averages,
    },
    iterations: 0,
    callbacks: options.callbacks ?? [],
    aborted: () => options.aborted ?? false,
    resumes: options.states !== undefined,
    resumeAt: (epoch, states = []) => void (driven.resumed = { epoch, states }),
    get learningRate() {
      return rate
    },
    set learningRate(value) {
      rate = Math.fround(value)
    },
    metricDirections: new Map(Object.entries(options.directions ?? {})),
    stop: (reason) => void (driven.stopReason = reason),
    emit: (event) => void driven.events.push(event),
  }
  return { control, driven }
}

/** Runs the callbacks over `values`, one epoch each, until one of them stops the run. */
export async function drive(callbacks: readonly Callback[], values: readonly number[], options: DriveOptions = {}): Promise<Driven> {
  const { control, driven } = fakeControl(options)
  await runCallbacks(callbacks, 'onTrainBegin', control)
  options.states?.forEach((state, i) => callbacks[i]?.restore?.(state))
  let logs: Logs = {}
  for (const [epoch, value] of values.entries()) {
    if (epoch < (options.from ?? 0)) continue
    driven.weight = epoch
    await runCallbacks(callbacks, 'onEpochBegin', epoch, control)
    logs = { [options.monitor ?? 'val_loss']: value }
    await runCallbacks(callbacks, 'onEpochEnd', epoch, logs, control)
    driven.logs.push(logs)
    driven.learningRates.push(control.learningRate)
    if (driven.stopReason === '') continue
    driven.stoppedAfter = epoch
    break
  }
  await runCallbacks(callbacks, 'onTrainEnd', logs, control)
  return driven
}
