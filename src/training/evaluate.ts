/** @file Evaluation outside of `fit`, and single steps. */
import type { Tensor } from '../tensor/index.ts'
import type { Functional } from '../models/index.ts'
import type { Compiled } from './compile.ts'
import { buildEvaluator, metricLogs } from './evaluation.ts'
import type { Logs, TrainingEvent } from './events.ts'
import { weightedStep, type FitOptions } from './fit.ts'
import { makeSource, openData, trunkFor, type FitData, type Pair } from './run-data.ts'
import { buildStep, type Step } from './step.ts'
import { trunkOf, type Trunk } from './trunk.ts'

export interface EvaluateOptions {
  /** Default 32. */
  readonly batchSize?: number
  /** Batches to look at. Default all. */
  readonly steps?: number
  readonly onEvent?: (event: TrainingEvent) => void
  readonly signal?: AbortSignal
}

export async function evaluateModel(
  model: Functional,
  compiled: Compiled,
  data: FitData | Pair,
  options: EvaluateOptions = {},
): Promise<Logs> {
  const opened = await openData(model, data)
  const trunk = trunkFor(model, compiled, opened.photo)
  const emit = options.onEvent ?? ((): void => undefined)
  const source = await makeSource(opened, { model, compiled, trunk, split: 'test', emit, signal: options.signal })
  const evaluator = await buildEvaluator({ model, compiled, photo: opened.photo, features: trunk.features })
  try {
    return await evaluator.evaluate(source, { batchSize: options.batchSize ?? 32, steps: options.steps, signal: options.signal })
  } finally {
    await Promise.all([evaluator.dispose(), source.dispose(), trunk.dispose()])
  }
}

interface SingleStep {
  readonly trunk: Trunk
  readonly step: Step
}

/** Programs of `trainOnBatch`, by the compilation that they belong to and the batch's shape. */
const single = new WeakMap<Compiled, Map<string, Promise<SingleStep>>>()

export async function trainOnBatch(
  model: Functional,
  compiled: Compiled,
  { x, y }: { x: Tensor<'float32'>; y: Tensor },
  options: Pick<FitOptions, 'classWeight' | 'sampleWeight' | 'seed'>,
): Promise<Logs> {
  const programs = single.get(compiled) ?? new Map<string, Promise<SingleStep>>()
  single.set(compiled, programs)
  const key = `${x.shape.join()}/${options.seed ?? 0}`
  const making = programs.get(key) ?? prepare(model, compiled, x.shape, options.seed ?? 0)
  programs.set(key, making)
  const { trunk, step } = await making
  for (const metric of compiled.metrics) metric.reset()
  const weights = options.sampleWeight && Float32Array.from(options.sampleWeight)
  const batch = { features: await trunk.run(x), labels: y, weights }
  const { loss } = await weightedStep({ model, compiled, classWeight: options.classWeight }, step, batch)
  return { loss, ...metricLogs(compiled) }
}

async function prepare(model: Functional, compiled: Compiled, shape: readonly number[], seed: number): Promise<SingleStep> {
  const trunk = trunkOf(model, compiled, shape.slice(1))
  return { trunk, step: await buildStep({ model, compiled, shape, features: trunk.features, seed }) }
}
