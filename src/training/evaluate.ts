/** @file Evaluation outside of `fit`, and single steps. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Functional } from '../models/index.ts'
import { checkCounts } from './arguments.ts'
import type { Compiled } from './compile.ts'
import { buildEvaluator, metricLogs } from './evaluation.ts'
import type { Logs, TrainingEvent } from './events.ts'
import { weightedSteps, type FitOptions } from './fit.ts'
import { makeSource, openData, trunkFor, type FitData, type Pair } from './run-data.ts'
import { checkClassWeight } from './sample-weights.ts'
import { checkPairs } from './source.ts'
import { buildStep, type Step } from './step.ts'
import type { Trunk } from './trunk.ts'

/** What `evaluate` takes. */
export interface EvaluateOptions {
  /** Default 32, or more where samples lie ready and are small; no figure depends on it. */
  readonly batchSize?: number
  /** Batches to look at. Default all. */
  readonly steps?: number
  /** Hears of progress and of unusable photos. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** Ends it early, with code CANCELED. */
  readonly signal?: AbortSignal
  /** Keep the features of photos on disk for later runs. Default true. */
  readonly featureStore?: boolean | 'float16'
  /** 'fp32' computes the frozen part in float32 even where the model was trained on an 8-bit one. Default: as it was trained. */
  readonly precision?: 'fp32'
  /** Hears the model's answers batch by batch, in the order of the data; photos that cannot be used have none. */
  readonly onPredictions?: (predictions: Tensor<'float32'>) => void
}

const EVALUATE: Readonly<Record<keyof EvaluateOptions, true>> = {
  batchSize: true,
  steps: true,
  onEvent: true,
  signal: true,
  featureStore: true,
  precision: true,
  onPredictions: true,
}

export async function evaluateModel(
  model: Functional,
  compiled: Compiled,
  data: FitData | Pair,
  options: EvaluateOptions = {},
): Promise<Logs> {
  refuseUnknown('evaluate', options, EVALUATE)
  checkCounts({ batchSize: options.batchSize, steps: options.steps })
  const opened = await openData(model, data)
  const trunk = trunkFor(model, compiled, opened.photo, { inFloat: options.precision === 'fp32' })
  const emit = options.onEvent ?? ((): void => undefined)
  const closing: { dispose(): Promise<void> }[] = [trunk]
  try {
    const source = await makeSource(opened, {
      model,
      compiled,
      trunk,
      split: 'test',
      emit,
      signal: options.signal,
      featureStore: options.featureStore,
    })
    closing.push(source)
    const evaluator = await buildEvaluator({ model, compiled, photo: opened.photo, features: trunk.features })
    closing.push(evaluator)
    const { batchSize, steps, signal, onPredictions } = options
    const logs = await evaluator.evaluate(source, { batchSize, usual: 32, steps, signal, onPredictions })
    // Figures of a part must not pass for those of the whole.
    if (signal?.aborted) throw new RootstockError('CANCELED', 'Canceled while evaluating', { cause: signal.reason })
    return logs
  } finally {
    for (const resource of closing) await resource.dispose()
  }
}

interface SingleStep {
  readonly trunk: Trunk
  readonly step: Step
}

interface SinglePrograms {
  /** Of the weights that are constants of the programs. */
  readonly versions: number
  /** By the batch's shape and the seed. */
  readonly steps: Map<string, Promise<SingleStep>>
}

/** Programs of `trainOnBatch`, by the compilation that they belong to. */
const single = new WeakMap<Compiled, SinglePrograms>()

/** What one step can be told: weights by class and by sample, and the seed of dropout. */
export interface TrainOnBatchOptions extends Pick<FitOptions, 'sampleWeight' | 'seed'> {
  readonly classWeight?: Readonly<Record<number, number>>
}

export async function trainOnBatch(
  model: Functional,
  compiled: Compiled,
  { x, y }: { x: Tensor<'float32'>; y: Tensor },
  options: TrainOnBatchOptions,
): Promise<Logs> {
  refuseUnknown('trainOnBatch', options, { sampleWeight: true, seed: true, classWeight: true })
  checkPairs(x, y)
  checkClassWeight(options.classWeight, model.output.shape.at(-1) ?? 1)
  const steps = await programsFor(model, compiled)
  const key = `${x.shape.join()}/${options.seed ?? 0}`
  const making = steps.get(key) ?? prepare(model, compiled, x.shape, options.seed ?? 0)
  steps.set(key, making)
  making.catch(() => steps.delete(key))
  const { trunk, step } = await making
  for (const metric of compiled.metrics) metric.reset()
  const weights = options.sampleWeight && Float32Array.from(options.sampleWeight)
  const batch = { features: await trunk.run(x), labels: y, weights }
  const [result] = await weightedSteps({ model, compiled, classWeight: options.classWeight }, step, [batch])
  for (const metric of compiled.metrics) metric.update(y, result!.predictions)
  return { loss: result!.loss, ...metricLogs(compiled) }
}

/** The programs made so far. Frozen weights are constants in them: when one was assigned, all are made anew. */
async function programsFor(model: Functional, compiled: Compiled): Promise<SinglePrograms['steps']> {
  const frozen = model.weights.filter(({ layer }) => !compiled.trainableLayers.has(layer))
  const versions = frozen.reduce((sum, weight) => sum + weight.version, 0)
  const known = single.get(compiled)
  if (known?.versions === versions) return known.steps
  if (known) await disposeSingleSteps(compiled)
  const fresh: SinglePrograms = { versions, steps: new Map() }
  single.set(compiled, fresh)
  return fresh.steps
}

/** Frees the native memory of the programs of `trainOnBatch`. */
export async function disposeSingleSteps(compiled: Compiled): Promise<void> {
  const known = single.get(compiled)
  single.delete(compiled)
  for (const made of await Promise.allSettled([...(known?.steps.values() ?? [])])) {
    if (made.status === 'rejected') continue
    await made.value.step.dispose()
    await made.value.trunk.dispose()
  }
}

async function prepare(model: Functional, compiled: Compiled, shape: readonly number[], seed: number): Promise<SingleStep> {
  const trunk = trunkFor(model, compiled, shape.slice(1))
  return { trunk, step: await buildStep({ model, compiled, shape, features: trunk.features, seed }) }
}
