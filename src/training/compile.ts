/** @file What `compile` fixes: optimizer, loss, metrics, and, with the first step after it, which layers train. */
import { RootstockError, refuseUnknown, shownValue } from '../errors.ts'
import { madeLater, type Tensor } from '../tensor/index.ts'
import type { Layer, Variable } from '../layers/index.ts'
import { Functional } from '../models/index.ts'
import { resolveLoss, type Loss } from './losses/index.ts'
import { resolveMetric, type Metric } from './metrics/index.ts'
import { resolveOptimizer, type Optimizer } from './optimizers/index.ts'
import { takeMemory } from './optimizer-memory.ts'
import type { UpdateMemory } from './weight-updates.ts'

/** What `compile` takes. */
export interface CompileOptions {
  /**
   * A name or one of `optimizers`. Default 'rmsprop', as in Keras. One that has trained these weights before goes on with its steps and moments; where
   * others train too, it begins anew.
   */
  readonly optimizer?: string | Optimizer
  /** A name or one of `losses`. */
  readonly loss: string | Loss
  /** Names or metrics. Default none. */
  readonly metrics?: readonly (string | Metric)[]
  /** Factors on the learning rate by the name of a layer, for those that shall learn slower. Default 1 for all. Keras has none. */
  readonly learningRateFactors?: Readonly<Record<string, number>>
  /**
   * Batches that `fit` runs in one call of the engine, at least 1. The numbers are the same; events and hooks of batches come after the call, one by one.
   * Default 'auto': as many as pay, where features lie ready and no callback follows single batches (Keras: 1).
   */
  readonly stepsPerExecution?: number | 'auto'
}

/** A tensor that training overwrites, and the second one that some need (see mayOverwrite). */
export interface TrainedTensor {
  current: Tensor<'float32'>
  spare: Tensor<'float32'> | undefined
}

/** A compiled model's settings, and the optimizer's memory, which lasts from one `fit` to the next. */
export interface Compiled {
  readonly optimizer: Optimizer
  readonly loss: Loss
  readonly metrics: readonly Metric[]
  /** Layers that train in this compilation. */
  readonly trainableLayers: ReadonlySet<Layer>
  /** Weights that the optimizer moves, in the model's order. */
  readonly trainable: readonly Variable[]
  readonly learningRateFactors: ReadonlyMap<Variable, number>
  readonly stepsPerExecution: number | 'auto'
  /** The optimizer's state by weight and slot. */
  readonly slots: Map<Variable, Readonly<Record<string, TrainedTensor>>>
  /** Second buffers of weights that cannot be written in place. */
  readonly spares: Map<Variable, Tensor<'float32'>>
  /** Of weights that are updated outside the graph (see weight-updates.ts). */
  updateMemory: UpdateMemory | undefined
  /** Set by callbacks in place of the optimizer's own number; float32. */
  learningRate: number | undefined
  /** Optimizer steps so far. */
  iterations: number
  /** Whether it has begun to train: from then on a change of `trainable` counts at the next compile. */
  isSettled: boolean
}

/** Checks the options and takes the snapshot. */
export function compileModel(model: Functional, options: CompileOptions): Compiled {
  refuseUnknown('compile', options, { optimizer: true, loss: true, metrics: true, learningRateFactors: true, stepsPerExecution: true })
  const metrics = metricsOf(options.metrics ?? [])
  const optimizer = resolveOptimizer(options.optimizer ?? 'rmsprop')
  if (optimizer.config['useEma'] && options.learningRateFactors)
    throw new RootstockError(
      'USAGE',
      'Cannot compile: learningRateFactors do not go together with useEma, whose averages they would not reach',
    )
  const compiled: Compiled = {
    optimizer,
    loss: resolveLoss(options.loss),
    metrics,
    ...whatTrains(model),
    learningRateFactors: factorsOf(model, options.learningRateFactors ?? {}),
    stepsPerExecution: stepsOf(options.stepsPerExecution ?? 'auto'),
    slots: new Map(),
    spares: new Map(),
    updateMemory: undefined,
    learningRate: undefined,
    iterations: 0,
    isSettled: false,
  }
  takeMemory(compiled)
  return compiled
}

function metricsOf(given: readonly (string | Metric)[]): Metric[] {
  if (!Array.isArray(given))
    throw new RootstockError('USAGE', `Cannot compile: found ${shownValue(given)} for metrics, expected a list`, {
      hint: "As in metrics: ['accuracy']",
    })
  const metrics = given.map(resolveMetric)
  const repeated = metrics.find((metric, i) => metrics.findIndex(({ name }) => name === metric.name) < i)
  if (!repeated) return metrics
  throw new RootstockError('USAGE', `Cannot compile: the metric "${repeated.name}" is given twice`, {
    hint: 'Give one of them another name',
  })
}

/** As in Keras, which layers train follows their flags until the first step after `compile`. */
export function followFlags(model: Functional, compiled: Compiled): void {
  if (compiled.isSettled) return
  const now = whatTrains(model)
  const layers = [...now.trainableLayers]
  const isSame = now.trainable.length === compiled.trainable.length && layers.length === compiled.trainableLayers.size
  if (isSame && layers.every((layer) => compiled.trainableLayers.has(layer))) return
  Object.assign(compiled, now)
  takeMemory(compiled)
}

function whatTrains(model: Functional): Pick<Compiled, 'trainable' | 'trainableLayers'> {
  return {
    trainableLayers: new Set(allLayers(model).filter((layer) => layer.trainable)),
    trainable: model.trainableWeights,
  }
}

function stepsOf(steps: number | 'auto'): number | 'auto' {
  if (steps === 'auto' || (Number.isInteger(steps) && steps >= 1)) return steps
  throw new RootstockError('USAGE', `Invalid stepsPerExecution: found ${String(steps)}, expected a whole number of at least 1, or 'auto'`)
}

/** Factors by weight. Code UNKNOWN_NAME for a layer that the model lacks, USAGE for a factor that is no number from 0. */
function factorsOf(model: Functional, given: Readonly<Record<string, number>>): Map<Variable, number> {
  const factors = new Map(Object.entries(given))
  for (const [name, factor] of factors) {
    model.getLayer(name)
    if (factor >= 0 && Number.isFinite(factor)) continue
    throw new RootstockError('USAGE', `Invalid learningRateFactors: found ${factor} for "${name}", expected a number of at least 0`)
  }
  return new Map(
    model.weights.flatMap((weight) => {
      const factor = factors.get(weight.layer.name)
      return factor === undefined ? [] : [[weight, factor]]
    }),
  )
}

/** The learning rate of the coming step, or of the one that so many come before, in float32. */
export function learningRateOf(compiled: Compiled, iterations = compiled.iterations): number {
  if (compiled.learningRate !== undefined) return compiled.learningRate
  const { learningRate } = compiled.optimizer
  return Math.fround(typeof learningRate === 'number' ? learningRate : learningRate.at(iterations))
}

/** The optimizer's tensors of one weight, made at their initial value when they are first needed. */
export function slotsOf(compiled: Compiled, variable: Variable): Readonly<Record<string, TrainedTensor>> {
  const known = compiled.slots.get(variable)
  if (known) return known
  const { slots, initial = 0 } = compiled.optimizer.rule
  const shape = variable.graphShape
  const size = variable.graphValue().data.length
  const fresh = (): Tensor<'float32'> => madeLater(shape, () => new Float32Array(size).fill(initial))
  const made = Object.fromEntries(slots.map((slot): [string, TrainedTensor] => [slot, { current: fresh(), spare: undefined }]))
  compiled.slots.set(variable, made)
  return made
}

function allLayers(model: Functional): Layer[] {
  return model.layers.flatMap((layer) => (layer instanceof Functional ? [layer, ...allLayers(layer)] : [layer]))
}
