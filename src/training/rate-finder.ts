/**
 * @file The learning-rate finder: a short training with a rate that grows from step to step (Smith 2017, "Cyclical learning rates for
 * training neural networks", section 3.3). The model is as before when it is over.
 */
import { RootstockError, refuseUnknown } from '../errors.ts'
import type { Functional } from '../models/index.ts'
import { checksFor } from './arguments.ts'
import type { Callback, TrainingControl, WeightSnapshot } from './callback.ts'
import type { Compiled } from './compile.ts'
import type { TrainingEvent } from './events.ts'
import { fit, type FitOptions } from './fit.ts'
import type { FitData, Pair } from './run-data.ts'

/** What `findLearningRate` can be told. */
export interface RateFinderOptions extends Pick<FitOptions, 'batchSize' | 'seed' | 'featureStore' | 'classWeight' | 'onEvent' | 'signal'> {
  /** The first rate. Default 1e-6. */
  readonly from?: number
  /** The last rate. Default 1. */
  readonly to?: number
  /** Steps from the first to the last one, 10 or more. Default 100. */
  readonly steps?: number
}

/** What was tried and what came of it; `plotLearningRates(rates, losses, { suggested })` draws it. */
export interface FoundRates {
  /** The rate of each step that was made, growing by the same factor; fewer than `steps` where the loss blew up. */
  readonly rates: readonly number[]
  /** The loss of each step's batch, smoothed: an average that forgets nine tenths in twenty steps. */
  readonly losses: readonly number[]
  /** Where the smoothed loss falls fastest, by the logarithm of the rate, behind the first ten steps (a quarter of fewer than 40); undefined where it never falls. */
  readonly suggested: number | undefined
}

const OPTIONS: Readonly<Record<keyof RateFinderOptions, true>> = {
  from: true,
  to: true,
  steps: true,
  batchSize: true,
  seed: true,
  featureStore: true,
  classWeight: true,
  onEvent: true,
  signal: true,
}

/** Beyond this many times the least loss nothing is learned from going on. */
const blownUp = 4
const memory = 0.9
/** So many steps tell nothing, or a quarter of fewer: an average of few batches jumps by chance, where rates are too small to move it. */
const unsettled = 10

/** Trains with growing rates until the loss blows up; weights and optimizer are then as before. Codes USAGE (an empty range), CANCELED. */
export async function findRates(
  model: Functional,
  compiled: Compiled,
  data: FitData | Pair,
  options: RateFinderOptions = {},
): Promise<FoundRates> {
  refuseUnknown('findLearningRate', options, OPTIONS)
  const { from = 1e-6, to = 1, steps = 100, ...rest } = options
  const checks = checksFor('findLearningRate')
  checks.require(from > 0 && Number.isFinite(from), 'from', from, 'a number above 0')
  checks.require(to > from && Number.isFinite(to), 'to', to, `a number above ${from}`)
  checks.require(Number.isInteger(steps) && steps >= 10, 'steps', steps, 'a whole number from 10')
  const optimizer = { ...compiled.optimizer, learningRate: from }
  const trial: Compiled = {
    ...compiled,
    optimizer,
    stepsPerExecution: 1,
    metrics: [],
    slots: new Map(),
    spares: new Map(),
    updateMemory: undefined,
    learningRate: undefined,
    iterations: 0,
  }
  const recorder = recordLosses((step) => from * (to / from) ** (step / (steps - 1)), steps)
  try {
    const onEvent = (event: TrainingEvent): void => {
      recorder.onEvent(event)
      rest.onEvent?.(event)
    }
    // What the checks look for, a loss that rises, is what is done here on purpose.
    await fit(model, trial, data, {
      ...rest,
      onEvent,
      sanity: false,
      epochs: steps,
      callbacks: [recorder.callback, { name: 'terminateOnNaN' }],
    })
  } finally {
    await recorder.restore()
  }
  const { rates, losses } = recorder
  if (rest.signal?.aborted) throw new RootstockError('CANCELED', 'Canceled while trying learning rates', { cause: rest.signal.reason })
  if (rates.length < 3) throw new RootstockError('DATA', `Cannot find a learning rate: the loss blew up after ${rates.length} steps`)
  return { rates, losses, suggested: steepest(rates, losses) }
}

interface Recorder {
  readonly rates: number[]
  readonly losses: number[]
  readonly callback: Callback
  readonly onEvent: (event: TrainingEvent) => void
  restore(): Promise<void>
}

function recordLosses(rateAt: (step: number) => number, steps: number): Recorder {
  const rates: number[] = []
  const losses: number[] = []
  let before: { readonly snapshot: WeightSnapshot; readonly restore: (snapshot: WeightSnapshot) => Promise<void> } | undefined
  let control: TrainingControl | undefined
  let seen = { total: 0, samples: 0 }
  let smooth = 0
  const callback: Callback = {
    name: 'rateFinder',
    async onTrainBegin({ model }) {
      before = { snapshot: await model.snapshot(), restore: (snapshot) => model.restore(snapshot) }
    },
    onTrainBatchBegin(_batch, given) {
      control = given
      control.learningRate = rateAt(rates.length)
      rates.push(control.learningRate)
    },
  }
  const onEvent = (event: TrainingEvent): void => {
    if (event.type !== 'batchEnd') return
    // Logs hold the mean since the beginning of the epoch; the batch's own loss is what it added.
    const before = event.batch === 0 ? { total: 0, samples: 0 } : seen
    seen = { total: (event.logs['loss'] ?? NaN) * event.samples, samples: event.samples }
    smooth = memory * smooth + ((1 - memory) * (seen.total - before.total)) / (seen.samples - before.samples)
    const loss = smooth / (1 - memory ** rates.length)
    losses.push(loss)
    const isBlownUp = !Number.isFinite(loss) || (losses.length > 10 && loss > blownUp * Math.min(...losses))
    if (losses.length >= steps || isBlownUp) control?.stop('the rates were tried', 'rateFinder')
  }
  return { rates, losses, callback, onEvent, restore: async () => before?.restore(before.snapshot) }
}

/** The rate with the steepest fall of the loss over five steps, once it has settled and before its least value. */
function steepest(rates: readonly number[], losses: readonly number[]): number | undefined {
  const settled = Math.min(unsettled, Math.floor(rates.length / 4))
  const lowest = losses.indexOf(Math.min(...losses.filter(Number.isFinite)))
  let best = { slope: 0, rate: undefined as number | undefined }
  for (let i = settled + 2; i <= lowest - 2; i++) {
    const slope = ((losses[i + 2] ?? NaN) - (losses[i - 2] ?? NaN)) / Math.log((rates[i + 2] ?? NaN) / (rates[i - 2] ?? NaN))
    if (slope < best.slope) best = { slope, rate: rates[i] }
  }
  return best.rate
}
