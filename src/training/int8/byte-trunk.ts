/** @file The 8-bit form of a model's frozen part: to which model it belongs, and how it takes the place of the float one in a graph. */
import { RootstockError } from '../../errors.ts'
import { createTape, graphHash, prune, replay, startAt, type Graph, type Tape, type Value } from '../../graph/index.ts'
import type { Functional } from '../../models/index.ts'
import { allFinite, type Tensor } from '../../tensor/index.ts'
import type { RangeMethod } from './histogram.ts'

/** How an 8-bit trunk compares with the float one, on photos that its ranges were not chosen from. */
export interface Int8Agreement {
  /** How the ranges were chosen. */
  readonly method: RangeMethod
  /** What the first convolution computes in. */
  readonly firstLayer: 'int8' | 'float32'
  /** Cosine of the features of a photo in 8 bits and in float32, over the photos compared. */
  readonly cosine: {
    /** Over the compared photos, −1 to 1. */
    readonly mean: number
    /** Of the photo that differs most. */
    readonly min: number
  }
  /** Photos that ranges were taken from, and others that were compared. */
  readonly photos: {
    /** Photos that the ranges were chosen from. */
    readonly calibrated: number
    /** Photos that were compared. */
    readonly compared: number
  }
}

/** From photos to features, in 8 bits. */
export interface ByteTrunk {
  /** The trunk in 8 bits. */
  readonly graph: Graph
  /** What its outputs stand for: names of values in every lowering of the model. */
  readonly features: readonly string[]
  /** Hash of the float trunk that it was made from. */
  readonly source: string
  /** How close it is to float32. */
  readonly agreement: Int8Agreement
}

const trunks = new WeakMap<Functional, ByteTrunk>()

/** The 8-bit trunk that a model computes with; it applies only while the frozen weights are those that it was made from. */
export function byteTrunkOf(model: Functional): ByteTrunk | undefined {
  return trunks.get(model)
}

/** Gives a model its 8-bit trunk, or takes it away. */
export function useByteTrunk(model: Functional, trunk: ByteTrunk | undefined): void {
  if (trunk) trunks.set(model, trunk)
  else trunks.delete(model)
}

/** The model's 8-bit trunk, where it stands for just this float one. */
export function byteTrunkFor(model: Functional, trunk: Graph): ByteTrunk | undefined {
  const known = trunks.get(model)
  return known && known.source === graphHash(trunk) ? known : undefined
}

/** A graph of the model with its trunk in 8 bits; undefined where the model has other weights by now. */
export function withByteTrunk(bytes: ByteTrunk, graph: Graph): Graph | undefined {
  const made = new Map(graph.nodes.flatMap(({ outputs }) => outputs.map((value) => [value.name, value] as const)))
  const features = bytes.features.flatMap((name) => made.get(name) ?? [])
  if (features.length !== bytes.features.length) return undefined
  const trunk = prune({ ...graph, inputs: graph.inputs.slice(0, 1), outputs: features })
  if (graphHash(trunk) !== bytes.source) return undefined
  return joined(bytes.graph, startAt(graph, features), { input: graph.inputs[0], features })
}

/**
 * Rounding to 8 bits makes some number of a NaN, and the largest one of an infinity: a spoilt photo would get a plausible answer. So what was
 * made of it becomes NaN, as in float32.
 */
export function spoilAlike(photos: Tensor, made: readonly Tensor<'float32'>[]): void {
  const [count = 0] = photos.shape
  const width = photos.data.length / count
  for (let i = 0; i < count; i++) {
    if (allFinite(photos.data as Float32Array, i * width, width)) continue
    for (const { data } of made) data.fill(NaN, (i * data.length) / count, ((i + 1) * data.length) / count)
  }
}

/** Two graphs recorded as one. Outputs keep their order. */
function joined(first: Graph, second: Graph, ends: { readonly input: Value | undefined; readonly features: readonly Value[] }): Graph {
  const tape = createTape()
  const { input, features } = ends
  const photo = first.inputs[0]
  if (!input || !photo) throw new RootstockError('SHAPE', 'Cannot join graphs: one of them has no input')
  const fed = tape.input(input.name, input)
  const front = recordAgain(tape, first, new Map([[photo, fed]]))
  const given = new Map<Value, Value>([[input, fed]])
  features.forEach((value, i) => given.set(value, front(first.outputs[i]!)))
  const back = recordAgain(tape, second, given)
  return tape.graph(second.outputs.map(back))
}

/** Records a graph again, its constants and parameters too; returns where its values went. */
function recordAgain(tape: Tape, graph: Graph, moved: Map<Value, Value>): (old: Value) => Value {
  for (const [value, data] of graph.constants) moved.set(value, tape.constant(data, value.name))
  for (const [value, { data }] of graph.parameters) moved.set(value, tape.parameter(value.name, value, data))
  return replay(tape, graph.nodes, moved)
}
