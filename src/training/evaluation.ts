/** @file The forward pass of the graft in inference mode, with its loss; the weights that train are fed, so nothing is compiled anew. */
import { RootstockError } from '../errors.ts'
import type { Shape, Tensor } from '../tensor/index.ts'
import { engine } from '../engine/index.ts'
import { featureSize, startAt, type Graph, type Value } from '../graph/index.ts'
import { lower, type Functional } from '../models/index.ts'
import type { Compiled } from './compile.ts'
import type { Logs } from './events.ts'
import { prefetch, take, type Batch, type Source } from './source.ts'
import { logitsOf, valueNamed } from './step-graph.ts'
import { targetsFor } from './targets.ts'

export interface Evaluator {
  /** Loss and metrics over all batches, under their names. */
  evaluate(
    source: Source,
    options: {
      /** Samples of a batch, where the caller asks for a number. */
      readonly batchSize?: number | undefined
      /** The number where nobody asks: at least so many. */
      readonly usual: number
      readonly steps?: number | undefined
      readonly signal?: AbortSignal | undefined
      readonly onPredictions?: ((predictions: Tensor<'float32'>) => void) | undefined
    },
  ): Promise<Logs>
  /** Loss of each sample, and the predictions. */
  forward(batch: Batch): Promise<{ losses: Float32Array; predictions: Tensor<'float32'> }>
  dispose(): Promise<void>
}

export interface EvaluationPlan {
  readonly model: Functional
  readonly compiled: Compiled
  /** Of one photo. */
  readonly photo: Shape
  readonly features: readonly string[]
}

/** Compiles the forward pass from the freeze boundary on. */
export async function buildEvaluator(plan: EvaluationPlan): Promise<Evaluator> {
  const { model, compiled } = plan
  const lowered = lower(model, { training: false, shapes: [[null, ...plan.photo]] })
  const { tape } = lowered
  const predictions = lowered.outputs[0]!
  const targets = tape.input('targets', { shape: predictions.shape, dtype: 'float32' })
  const losses = compiled.loss.perSample({ tape, targets, predictions, logits: logitsOf(tape, predictions) })
  const whole = tape.graph([losses, predictions])
  const features = plan.features.map((name) => valueNamed(whole, name))
  const graph = startAt(whole, features)
  const changing = [...lowered.variables].filter(([variable]) => compiled.trainableLayers.has(variable.layer))
  const program = await engine().compile(graph, { asInputs: new Set(changing.map(([, value]) => value)), between: 'sleep' })

  const forward: Evaluator['forward'] = async (batch) => {
    const feeds = new Map<Value, Tensor>([[targets, targetsFor(compiled.loss, batch.labels, predictions.shape)]])
    features.forEach((value, i) => feeds.set(value, batch.features[i]!))
    for (const [variable, value] of changing) feeds.set(value, variable.graphValue())
    const results = await program.run(feeds)
    return { losses: results.get(losses)!.data as Float32Array, predictions: results.get(predictions) as Tensor<'float32'> }
  }
  const together = samplesTogether(graph)
  return {
    forward,
    evaluate(source, options) {
      const isFree = source.isAtHand && options.steps === undefined
      const batchSize = options.batchSize ?? (isFree ? Math.max(options.usual, together) : options.usual)
      return evaluate(compiled, forward, source, { ...options, batchSize })
    },
    dispose: () => program.dispose(),
  }
}

/** Most samples that are computed together, and most numbers that these may make. */
const MOST = { samples: 256, numbers: 2 ** 21 }

/**
 * Samples that are best computed together where no result depends on how many they are: a dense kernel is put in order for each run, so that 32
 * rows of stored features take as long as 256.
 */
function samplesTogether({ nodes }: Graph): number {
  const made = nodes.flatMap(({ outputs }) => outputs).filter(({ shape }) => shape[0] === null)
  return Math.min(MOST.samples, Math.floor(MOST.numbers / Math.max(1, featureSize(made))))
}

async function evaluate(
  compiled: Compiled,
  forward: Evaluator['forward'],
  source: Source,
  options: Omit<Parameters<Evaluator['evaluate']>[1], 'usual'> & { readonly batchSize: number },
): Promise<Logs> {
  const { metrics } = compiled
  for (const metric of metrics) metric.reset()
  let sum = 0
  let samples = 0
  // Figures of different epochs can be compared only if they are of the same batches.
  const request = { batchSize: options.batchSize, shuffle: false, seed: 0, epoch: 0, fromStart: true }
  for await (const batch of prefetch(take(source.batches(request), options.steps))) {
    const { losses, predictions } = await forward(batch)
    losses.forEach((loss, i) => (sum += loss * (batch.weights?.[i] ?? 1)))
    samples += losses.length
    options.onPredictions?.(predictions)
    for (const metric of metrics) metric.update(batch.labels, predictions)
    batch.release?.()
    if (options.signal?.aborted) break
  }
  // A loss of 0 would pass for the best one.
  if (samples === 0 && !options.signal?.aborted) throw noBatch()
  return { loss: sum / Math.max(1, samples), ...metricLogs(compiled) }
}

function noBatch(): RootstockError {
  return new RootstockError('DATA', 'Cannot evaluate: the data gave no batch, expected at least one', {
    hint: 'A generator can be read once only: give an object that starts anew each time, or one without an end and a number of steps',
  })
}

/** The metrics' present figures by name. */
export function metricLogs({ metrics }: Compiled): Logs {
  return Object.fromEntries(metrics.map((metric) => [metric.name, metric.result()]))
}
