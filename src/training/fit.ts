/** @file The training loop. Everything that happens in it is told to the callbacks and to `onEvent`. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import type { Functional } from '../models/index.ts'
import { checkCounts } from './arguments.ts'
import { mixBatch } from './augmentation.ts'
import { dropAverages, settleAverages } from './averages.ts'
import { checkCallbacks, endsQuietly, restoreCallbacks, runCallbacks } from './callback.ts'
import { history as historyCallback, type History } from './callbacks/index.ts'
import { withCheckpointFolder } from './checkpoint/checkpoints.ts'
import { beginning, type Progress } from './checkpoint/progress.ts'
import type { Compiled } from './compile.ts'
import { metricLogs } from './evaluation.ts'
import type { Logs } from './events.ts'
import { checkpointOptionNames, fitOptionNames, type FitOptions } from './fit-options.ts'
import { closeRun, openRun, type Run } from './open-run.ts'
import type { FitData, Pair } from './run-data.ts'
import { openDoctor } from './sanity/doctor.ts'
import { placeOfEpoch, prefetch, take, type Batch } from './source.ts'
import type { Step, StepResult } from './step.ts'
import { batchWeights } from './sample-weights.ts'
import { targetsFor } from './targets.ts'

export type { FitOptions } from './fit-options.ts'

/** Trains for a number of epochs and returns what every epoch gave. */
export async function fit(model: Functional, compiled: Compiled, data: FitData | Pair, options: FitOptions = {}): Promise<History> {
  checkOptions(model, compiled, options)
  const history = historyCallback()
  const callbacks = [...(options.callbacks ?? []), history]
  const doctor = openDoctor(options.sanity, options.onEvent)
  await withCheckpointFolder(options, async (folder) => {
    const run = await openRun({ model, compiled, data, options: { ...options, callbacks, onEvent: doctor.listen }, folder, doctor })
    try {
      await trainEpochs(run)
    } catch (error) {
      dropAverages(compiled)
      throw error
    } finally {
      await closeRun(run)
    }
  })
  return history
}

/** The loop that `describeLoop` prints. */
async function trainEpochs(run: Run): Promise<void> {
  const { options, control, callbacks, source, batchSize, checkpoints } = run
  const { epochs = 1, initialEpoch = 0 } = options
  const steps = options.stepsPerEpoch ?? (source.samples === null ? null : Math.ceil(source.samples / batchSize))
  control.emit({ type: 'trainBegin', epochs, steps, samples: source.samples, initialEpoch })
  await runCallbacks(callbacks, 'onTrainBegin', control)
  if (control.resumed) restoreCallbacks(callbacks, control.resumed.states)
  await checkpoints.begin()
  let at = checkpoints.found ?? beginning(control.resumed?.epoch ?? initialEpoch)
  let done = checkpoints.found ? at.epoch - initialEpoch : 0
  if (at.batch === 0) await checkpoints.restore()
  await checkpoints.replaceOther(at)
  while (at.epoch < epochs && !control.ended()) {
    const { epoch } = at
    const started = performance.now()
    control.emit({ type: 'epochBegin', epoch })
    await runCallbacks(callbacks, 'onEpochBegin', epoch, control)
    // An interrupted epoch goes on with the weights that it had then, whatever its beginning did to them.
    if (at.batch > 0) await checkpoints.restore()
    await trainBatches(run, at, steps)
    const held = control.aborted() ? {} : await validate(run, epoch)
    if (control.aborted()) {
      await checkpoints.onAbort(at)
      break
    }
    const logs = { ...at.logs, ...held }
    await runCallbacks(callbacks, 'onEpochEnd', epoch, logs, control)
    control.emit({ type: 'epochEnd', epoch, logs, seconds: (performance.now() - started) / 1000 })
    done++
    at = beginning(epoch + 1, logs, source.position())
    await checkpoints.afterEpoch(at, at.epoch >= epochs || control.ended())
  }
  settleAverages(run.compiled)
  await runCallbacks(callbacks, 'onTrainEnd', at.logs, control)
  const reason = control.aborted() ? 'aborted' : control.ended() ? 'stopped' : 'finished'
  control.emit({ type: 'trainEnd', epochs: done, logs: at.logs, reason })
}

/** One pass over the training data, or the rest of it. The logs are means over the samples so far, taken while the weights move. */
async function trainBatches(run: Run, at: Progress, steps: number | null): Promise<void> {
  const { compiled, control, source, options, batchSize, checkpoints } = run
  const { epoch, batch: from } = at
  if (from === 0) for (const metric of compiled.metrics) metric.reset()
  const place = placeOfEpoch(source.samples, epoch, { ...options, batchSize })
  const order = { batchSize, shuffle: options.shuffle ?? true, seed: options.seed ?? 0, epoch: place.epoch }
  const batches = take(source.batches({ ...order, skip: place.skip + from }), (options.stepsPerEpoch ?? Infinity) - from)
  for await (const together of prefetch(run.programs.group(batches, { from, iterations: compiled.iterations }))) {
    await trainTogether(run, at, { together, steps })
    for (const batch of together) batch.release?.()
    await checkpoints.afterBatch(at)
    if (control.ended()) break
  }
  if (at.batch === 0) throw emptyEpoch(epoch)
}

/** Steps of one call. Of a single one callbacks see the beginning before it runs; of several they are told afterwards, one by one. */
async function trainTogether(
  run: Run,
  at: Progress,
  { together, steps }: { readonly together: readonly Batch[]; readonly steps: number | null },
): Promise<void> {
  const { compiled, control, callbacks } = run
  const { epoch } = at
  const begin = (): Promise<void> => runCallbacks(callbacks, 'onTrainBatchBegin', at.batch, control)
  if (together.length === 1) await begin()
  const mixed = together.map((batch, i) => mixedBatch(run, batch, { epoch, batch: at.batch + i }))
  const step = await run.programs.stepFor(sizeOfBatch(mixed[0]), mixed.length)
  const results = await weightedSteps(run, step, mixed)
  for (const [i, { loss, predictions }] of results.entries()) {
    if (together.length > 1) await begin()
    const { batch } = at
    if (!Number.isFinite(loss) && !callbacks.some(endsQuietly)) throw lossError(loss, epoch, batch)
    const size = sizeOfBatch(mixed[i])
    for (const metric of compiled.metrics) metric.update(mixed[i]!.labels, predictions)
    at.loss += loss * size
    at.samples += size
    at.logs = { loss: at.loss / at.samples, ...metricLogs(compiled) }
    at.batch++
    await runCallbacks(callbacks, 'onTrainBatchEnd', batch, at.logs, control)
    control.emit({ type: 'batchEnd', epoch, batch, steps, samples: at.samples, logs: at.logs })
    if (control.stopped()) break
  }
}

const sizeOfBatch = (batch: Batch | undefined): number => batch?.features[0]?.shape[0] ?? 0

/** The batch with its samples mixed, where that was asked for. */
function mixedBatch({ options }: Run, data: Batch, at: { epoch: number; batch: number }): Batch {
  return options.mix ? mixBatch(data, options.mix, { ...at, seed: options.seed ?? 0 }) : data
}

/** Runs steps with the samples' and classes' weights. */
export function weightedSteps(
  { model, compiled, classWeight }: Pick<Run, 'model' | 'compiled' | 'classWeight'>,
  step: Step,
  batches: readonly Batch[],
): Promise<readonly StepResult[]> {
  return step.run(
    batches.map(({ features, labels, weights: sampleWeight }) => {
      const targets = targetsFor(compiled.loss, labels, model.output.shape)
      const weights = {
        data: batchWeights(targets, { sampleWeight, classWeight }),
        shape: [targets.shape[0] ?? 0],
        dtype: 'float32',
      } as const
      return { features, targets, weights }
    }),
  )
}

async function validate(run: Run, epoch: number): Promise<Logs> {
  const { validation, options, control, callbacks, batchSize } = run
  if (!validation) return {}
  control.emit({ type: 'validationBegin', epoch })
  await runCallbacks(callbacks, 'onTestBegin', control)
  const logs = await validation.evaluator.evaluate(validation.source, {
    batchSize: options.validationBatchSize,
    usual: batchSize,
    steps: options.validationSteps,
    signal: options.signal,
  })
  // What an interrupted validation says of a part of the data must not choose the best epoch.
  if (control.aborted()) return {}
  await runCallbacks(callbacks, 'onTestEnd', logs, control)
  control.emit({ type: 'validationEnd', epoch, logs })
  return Object.fromEntries(Object.entries(logs).map(([name, value]) => [`val_${name}`, value]))
}

function checkOptions(model: Functional, compiled: Compiled, options: FitOptions): void {
  refuseUnknown('fit', options, fitOptionNames)
  if (options.checkpoint) refuseUnknown('checkpoint', options.checkpoint, checkpointOptionNames)
  const { epochs, batchSize, stepsPerEpoch, validationBatchSize, validationSteps, initialEpoch } = options
  checkCounts({ epochs, batchSize, stepsPerEpoch, validationBatchSize, validationSteps })
  checkCounts({ initialEpoch }, 0)
  checkCallbacks(options.callbacks ?? [])
  if (compiled.trainable.length === 0) {
    throw new RootstockError('USAGE', `Cannot train ${model.name}: found no trainable weight`, {
      hint: model.trainable
        ? 'Set trainable = true on some layers and compile again'
        : 'The model was frozen as a whole: set its trainable = true, freeze single layers, and compile again',
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
