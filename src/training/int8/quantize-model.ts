/** @file Quantizes the convolutional part of a model that was trained in float32. */
import type { Dataset, ReadOptions } from '../../data/index.ts'
import { prune, upstream, type Graph, type OpName } from '../../graph/index.ts'
import { lower, type Functional } from '../../models/index.ts'
import type { TrainingEvent } from '../events.ts'
import { byteTrunkOf, type Int8Agreement } from './byte-trunk.ts'
import { settlePrecision } from './settle-precision.ts'

/** What `quantizeModel` takes. */
export interface QuantizeOptions {
  /** How the photos are read. */
  readonly how: ReadOptions
  /** Hears which it became: a message, or a warning with the reason why not. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** Ends it early, with code CANCELED. */
  readonly signal?: AbortSignal
}

const products: readonly OpName[] = ['MatMul', 'Gemm']

/**
 * Gives a model with one input an 8-bit form of all that lies before its first dense layer, with ranges from up to 48 of the photos. Returns
 * how close it is, or undefined where it is not close enough: then the model stays in float32.
 */
export async function quantizeModel(model: Functional, photos: Dataset, options: QuantizeOptions): Promise<Int8Agreement | undefined> {
  const { how, onEvent: emit = (): void => undefined, signal } = options
  const photo = [...how.size, 3] as const
  const lowered = lower(model, { training: false, shapes: [[null, ...photo]] })
  const trunk = beforeDense(lowered.tape.graph(lowered.outputs))
  await settlePrecision({ model, trunk, opened: { kind: 'dataset', dataset: photos, how, photo }, isStored: true, emit, signal })
  return byteTrunkOf(model)?.agreement
}

/** Up to the first dense layer, or all where there is none; undefined without a convolution. */
function beforeDense(graph: Graph): Graph | undefined {
  const dense = graph.nodes.find(({ op }) => products.includes(op))
  const features = dense?.inputs[0] ? [dense.inputs[0]] : graph.outputs
  const needed = upstream(graph.nodes, features)
  const convolves = graph.nodes.some(({ op, outputs }) => op === 'Conv' && outputs.some((value) => needed.has(value)))
  return convolves ? prune({ ...graph, outputs: features }) : undefined
}
