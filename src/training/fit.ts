/** @file The training loop. Everything that happens in it is told to the callbacks and to `onEvent`. */
import { RootstockError } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Functional } from '../models/index.ts'
import { settleAverages } from './averages.ts'
import { restoreCallbacks, runCallbacks, type Callback } from './callback.ts'
import { history as historyCallback, type History } from './callbacks/index.ts'
import type { Compiled } from './compile.ts'
import { createControl, type RunControl } from './control.ts'
import { buildEvaluator, metricLogs, type Evaluator } from './evaluation.ts'
import type { Logs } from './events.ts'
import type { FitOptions } from './fit-options.ts'
import { makeSource, openData, trunkFor, type FitData, type Opened, type Pair } from './run-data.ts'
import { prefetch, take, type Batch, type Source } from './source.ts'
import { buildStep, type Step } from './step.ts'
import { batchWeights } from './sample-weights.ts'
import { targetsFor } from './targets.ts'
import { splitPair } from './validation-split.ts'
import type { Trunk } from './trunk.ts'

export type { FitOptions } from './fit-options.ts'

interface Run {
  readonly model: Functional
  readonly compiled: Compiled
  readonly options: FitOptions
  readonly batchSize: number
  readonly control: RunControl
  readonly callbacks: readonly Callback[]
  readonly trunk: Trunk
  readonly photo: readonly number[]
  readonly steps: Map<number, Promise<Step>>
  readonly source: Source
  readonly validation: { readonly source: Source; readonly evaluator: Evaluator } | undefined
  /** What holds memory or files until the end. */
  readonly closing: readonly Disposable[]
}

interface Disposable {
  dispose(): Promise<void>
}

/** Trains for a number of epochs and returns what every epoch gave. */
export async function fit(model: Functional, compiled: Compiled, data: FitData | Pair, options: FitOptions = {}): Promise<History> {
  checkOptions(model, compiled, options)
  const history = historyCallback()
  const run = await openRun(model, compiled, data, { ...options, callbacks: [...(options.callbacks ?? []), history] })
  try {
    await trainEpochs(run)
  } finally {
    await closeRun(run)
  }
  return history
}

/** The loop that `describeLoop` prints. */
async function trainEpochs(run: Run): Promise<void> {
  const { options, control, callbacks, source, batchSize } = run
  const { epochs = 1, initialEpoch = 0 } = options
  const steps = options.stepsPerEpoch ?? (source.samples === null ? null : Math.ceil(source.samples / batchSize))
  control.emit({ type: 'trainBegin', epochs, steps, samples: source.samples, initialEpoch })
  await runCallbacks(callbacks, 'onTrainBegin', control)
  let logs: Logs = {}
  let done = 0
  if (control.resumed) restoreCallbacks(callbacks, control.resumed.states)
  for (let epoch = control.resumed?.epoch ?? initialEpoch; epoch < epochs && !control.ended(); epoch++) {
    const started = performance.now()
    control.emit({ type: 'epochBegin', epoch })
    await runCallbacks(callbacks, 'onEpochBegin', epoch, control)
    logs = await trainBatches(run, epoch, steps)
    if (control.aborted()) break
    const held = await validate(run, epoch)
    if (control.aborted()) break
    logs = { ...logs, ...held }
    await runCallbacks(callbacks, 'onEpochEnd', epoch, logs, control)
    control.emit({ type: 'epochEnd', epoch, logs, seconds: (performance.now() - started) / 1000 })
    done++
  }
  settleAverages(run.compiled)
  await runCallbacks(callbacks, 'onTrainEnd', logs, control)
  control.emit({ type: 'trainEnd', epochs: done, logs, reason: control.aborted() ? 'aborted' : control.ended() ? 'stopped' : 'finished' })
}

/** One pass over the training data. The logs are means over the samples so far, taken while the weights move. */
async function trainBatches(run: Run, epoch: number, steps: number | null): Promise<Logs> {
  const { compiled, control, callbacks, source, options, batchSize } = run
  for (const metric of compiled.metrics) metric.reset()
  const request = { batchSize, shuffle: options.shuffle ?? true, seed: options.seed ?? 0, epoch }
  let logs: Logs = {}
  // terminateOnNaN ends the run as Keras does: without an error.
  const endsQuietly = callbacks.some(({ name }) => name === 'terminateOnNaN')
  let loss = 0
  let samples = 0
  let batch = 0
  for await (const data of prefetch(take(source.batches(request), options.stepsPerEpoch))) {
    await runCallbacks(callbacks, 'onTrainBatchBegin', batch, control)
    const result = await trainStep(run, data)
    if (!Number.isFinite(result.loss) && !endsQuietly) throw lossError(result.loss, epoch, batch)
    loss += result.loss * result.size
    samples += result.size
    logs = { loss: loss / samples, ...metricLogs(compiled) }
    await runCallbacks(callbacks, 'onTrainBatchEnd', batch, logs, control)
    control.emit({ type: 'batchEnd', epoch, batch, steps, samples, logs })
    batch++
    if (control.ended()) break
  }
  if (batch === 0) throw emptyEpoch(epoch)
  return logs
}

async function trainStep(run: Run, batch: Batch): Promise<{ loss: number; size: number }> {
  const { compiled, model, options } = run
  const size = batch.features[0]?.shape[0] ?? 0
  return weightedStep({ model, compiled, classWeight: options.classWeight }, await stepFor(run, size), batch)
}

/** Runs a step with the samples' and classes' weights, and shows its predictions to the metrics. */
export async function weightedStep(
  { model, compiled, classWeight }: Pick<Run, 'model' | 'compiled'> & { classWeight: FitOptions['classWeight'] | undefined },
  step: Step,
  batch: Batch,
): Promise<{ loss: number; size: number }> {
  const targets = targetsFor(compiled.loss, batch.labels, model.output.shape)
  const size = targets.shape[0] ?? 0
  const weights = { data: batchWeights(targets, { sampleWeight: batch.weights, classWeight }), shape: [size], dtype: 'float32' } as const
  const { loss, predictions } = await step.run({ features: batch.features, targets, weights })
  for (const metric of compiled.metrics) metric.update(batch.labels, predictions)
  return { loss, size }
}

/** A step is compiled for one batch size; the last batch of an epoch usually has its own. */
function stepFor({ model, compiled, options, photo, trunk, steps }: Run, size: number): Promise<Step> {
  const known = steps.get(size)
  if (known) return known
  const step = buildStep({ model, compiled, shape: [size, ...photo], features: trunk.features, seed: options.seed ?? 0 })
  steps.set(size, step)
  return step
}

async function validate(run: Run, epoch: number): Promise<Logs> {
  const { validation, options, control, callbacks, batchSize } = run
  if (!validation) return {}
  control.emit({ type: 'validationBegin', epoch })
  await runCallbacks(callbacks, 'onTestBegin', control)
  const logs = await validation.evaluator.evaluate(validation.source, {
    batchSize: options.validationBatchSize ?? batchSize,
    steps: options.validationSteps,
    signal: options.signal,
  })
  // What an interrupted validation says of a part of the data must not choose the best epoch.
  if (control.aborted()) return {}
  await runCallbacks(callbacks, 'onTestEnd', logs, control)
  control.emit({ type: 'validationEnd', epoch, logs })
  return Object.fromEntries(Object.entries(logs).map(([name, value]) => [`val_${name}`, value]))
}

type OpenOptions = FitOptions & { readonly callbacks: readonly Callback[] }

async function openRun(model: Functional, compiled: Compiled, data: FitData | Pair, options: OpenOptions): Promise<Run> {
  const { training, held } = splitData(data, options)
  const opened = await openData(model, training)
  const steps: Run['steps'] = new Map()
  const closing: Disposable[] = []
  const keep = <T extends Disposable>(made: T): T => (closing.push(made), made)
  try {
    const trunk = keep(trunkFor(model, compiled, opened.photo))
    const context = {
      model,
      compiled,
      trunk,
      emit: options.onEvent ?? ((): void => undefined),
      signal: options.signal,
      featureStore: options.featureStore,
    }
    const source = keep(await makeSource(opened, { ...context, split: 'train' }))
    const heldOut = held && (await openHeldOut(model, held, opened))
    const validation = heldOut && {
      source: keep(await makeSource(heldOut, { ...context, split: 'validation' })),
      evaluator: keep(await buildEvaluator({ model, compiled, photo: opened.photo, features: trunk.features })),
    }
    // Features are at hand now; the trunk's native memory is not needed while the graft trains.
    if (opened.kind !== 'stream' && heldOut?.kind !== 'stream') await trunk.dispose()
    const settled = withDefaults(options, opened)
    const control = createControl(model, compiled, options)
    const { callbacks, batchSize = 32 } = options
    return {
      model,
      compiled,
      options: settled,
      batchSize,
      control,
      callbacks,
      trunk,
      photo: opened.photo,
      steps,
      source,
      validation,
      closing,
    }
  } catch (error) {
    await closeRun({ steps, closing })
    throw error
  }
}

/** What the data asks for where the caller says nothing. */
function withDefaults(options: FitOptions, opened: Opened): FitOptions {
  const defaults = opened.kind === 'dataset' ? opened.dataset.defaults : undefined
  const { shuffle = defaults?.shuffle, seed = defaults?.seed } = options
  return { ...options, ...(shuffle === undefined ? {} : { shuffle }), ...(seed === undefined ? {} : { seed }) }
}

/** Validation photos pass the same trunk, so they must have the same size. */
async function openHeldOut(model: Functional, held: FitData | Pair, training: Opened): Promise<Opened> {
  const opened = await openData(model, held)
  if (opened.photo.join() === training.photo.join()) return opened
  throw new RootstockError(
    'SHAPE',
    `Cannot validate: photos are [${opened.photo.join(',')}], those of training [${training.photo.join(',')}]`,
  )
}

function splitData(data: FitData | Pair, options: FitOptions): { training: FitData | Pair; held: FitData | Pair | undefined } {
  const given = options.validationData
  const held =
    given &&
    (Array.isArray(given)
      ? { x: (given as readonly [Tensor<'float32'>, Tensor])[0], y: (given as readonly [Tensor<'float32'>, Tensor])[1] }
      : (given as FitData | Pair))
  if (options.sampleWeight && !('x' in data)) {
    throw new RootstockError('USAGE', 'Cannot weigh the samples: found sampleWeight with a dataset or a stream, expected tensors', {
      hint: 'Give classWeight, or yield sampleWeight with each batch of a stream',
    })
  }
  const weighted = 'x' in data && options.sampleWeight ? { ...data, sampleWeight: options.sampleWeight } : data
  if (options.validationSplit === undefined || held) return { training: weighted, held }
  return splitPair(weighted, options.validationSplit)
}

async function closeRun({ steps, closing }: Pick<Run, 'steps' | 'closing'>): Promise<void> {
  // A step that could not be compiled has nothing to free, and its error is thrown where it was asked for.
  const made = (await Promise.allSettled(steps.values())).flatMap((step) => (step.status === 'fulfilled' ? [step.value] : []))
  for (const resource of [...made, ...closing]) await resource.dispose()
}

function checkOptions(model: Functional, compiled: Compiled, options: FitOptions): void {
  const whole = {
    epochs: options.epochs,
    batchSize: options.batchSize,
    stepsPerEpoch: options.stepsPerEpoch,
    validationSteps: options.validationSteps,
  }
  for (const [name, value] of Object.entries(whole)) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue
    throw new RootstockError('USAGE', `Invalid ${name}: found ${value}, expected a whole number of at least 1`)
  }
  if (compiled.trainable.length === 0) {
    throw new RootstockError('USAGE', `Cannot train ${model.name}: found no trainable weight`, {
      hint: 'Set trainable = true on some layers and compile again',
    })
  }
}

function emptyEpoch(epoch: number): RootstockError {
  return new RootstockError('DATA', `Cannot train epoch ${epoch + 1}: the data gave no batch, expected at least one`, {
    hint: 'A generator can be read once only: give an object that starts anew each time, or stepsPerEpoch',
  })
}

function lossError(loss: number, epoch: number, batch: number): RootstockError {
  return new RootstockError(
    'NAN_LOSS',
    `Training stopped: the loss became ${loss} at batch ${batch + 1} of epoch ${epoch + 1}, expected a finite number`,
    {
      hint: 'Lower the learning rate, clip the gradients (clipnorm: 1), and look for strange pixels; checkpoints saved before are whole',
    },
  )
}
