/** @file The frozen part of a model: where it ends, and running it over photos. */
import { rows, type Shape, type Tensor } from '../tensor/index.ts'
import { cutAtFreezeBoundary, graphHash, type Graph, type OpName, type Value } from '../graph/index.ts'
import { lower, type Functional } from '../models/index.ts'
import type { Compiled } from './compile.ts'
import { compileInference, type Inference } from './inference.ts'
import { byteTrunkFor } from './int8/byte-trunk.ts'

/** Photos computed at once: a few small runs are faster than a large one (docs/performance.md). */
export const trunkBatch = 4

const products: readonly OpName[] = ['Conv', 'MatMul', 'Gemm']

/** From photos to the values on the freeze boundary. */
export interface Trunk {
  /** Names of the values on the boundary; they mean the same in every lowering of the model. */
  readonly features: readonly string[]
  /** Shapes of the values for one photo. */
  readonly shapes: readonly Shape[]
  /** False when the boundary is the photo itself, or nothing but a cheap form of it. */
  readonly computes: boolean
  /** What computes the features in float32; undefined where nothing does. */
  readonly float: Graph | undefined
  /** Batch norms train: each step computes with the statistics of its batch. */
  readonly learnsStatistics: boolean
  /** Of everything that the features depend on but the photo; empty when nothing is computed. */
  hash(): string
  run(photos: Tensor<'float32'>): Promise<readonly Tensor<'float32'>[]>
  dispose(): Promise<void>
}

/** How a trunk is to compute. */
export interface TrunkOptions {
  /** In float32 even where the model has an 8-bit trunk. Default false. */
  readonly inFloat?: boolean
}

/** Finds the boundary for photos of one shape [height, width, channels]; compiles the trunk when it is first run. */
export function trunkOf(model: Functional, compiled: Compiled, photo: Shape, { inFloat = false }: TrunkOptions = {}): Trunk {
  const lowered = lower(model, { training: true, shapes: [[null, ...photo]], isTrainable: (layer) => compiled.trainableLayers.has(layer) })
  const live = [...compiled.trainable, ...lowered.updates.keys()].flatMap((variable) => lowered.variables.get(variable) ?? [])
  const input = lowered.inputs[0]!
  const cut = cutAtFreezeBoundary(lowered.tape.graph(lowered.outputs), input, live)
  const computes = isWorthStoring(cut.trunk)
  const features = computes ? cut.features : [input]
  const bytes = cut.trunk && !inFloat ? byteTrunkFor(model, cut.trunk)?.graph : undefined
  const graph = bytes ?? cut.trunk
  const mixesRows = graph?.nodes.some(({ op }) => op === 'MatMul' || op === 'Gemm') ?? false
  const compiledTrunk = lazyProgram(graph)
  return {
    features: features.map(({ name }) => name),
    shapes: features.map(({ shape }) => shape.slice(1).map((size) => size ?? 0)),
    computes,
    float: computes ? cut.trunk : undefined,
    learnsStatistics: lowered.updates.size > 0,
    hash: () => (graph ? graphHash(graph) : ''),
    async run(photos) {
      if (!computes) return [photos]
      const { program, at } = await compiledTrunk.get()
      const count = photos.shape[0] ?? 0
      const given = mixesRows ? padded(photos) : photos
      const results = await program.run(new Map([[graph?.inputs[0] ?? input, given]]))
      return cut.features.map((value, i) => {
        const made = graph?.outputs[i] ?? value
        return value === input ? photos : rows(results.get(at(made)) as Tensor<'float32'>, 0, count)
      })
    },
    dispose: compiledTrunk.dispose,
  }
}

/** Turning axes, scaling and padding a photo is done again sooner than its result is read from a disk. */
function isWorthStoring(trunk: Graph | undefined): boolean {
  return trunk?.nodes.some(({ op }) => products.includes(op)) ?? false
}

/**
 * Matrix products add up in another order for another number of rows, so few photos are computed as a whole batch: features must not depend
 * on how many were missing in the store when a run was resumed. Convolutions go photo by photo.
 */
function padded(photos: Tensor<'float32'>): Tensor<'float32'> {
  const [count = 0, ...shape] = photos.shape
  if (count >= trunkBatch) return photos
  const data = new Float32Array((photos.data.length / count) * trunkBatch)
  data.set(photos.data)
  return { data, shape: [trunkBatch, ...shape], dtype: 'float32' }
}

function lazyProgram(graph: Graph | undefined): { get: () => Promise<Inference>; dispose: () => Promise<void> } {
  let compiled: Promise<Inference> | undefined
  return {
    get: () => (compiled ??= compileInference(withComputedOutputs(graph!))),
    async dispose() {
      await (await compiled)?.program.dispose()
      compiled = undefined
    },
  }
}

/** The photo itself may lie on the boundary too (a skip connection from the input); it needs no computing. */
function withComputedOutputs(graph: Graph): Graph {
  const given = new Set<Value>(graph.inputs)
  return { ...graph, outputs: graph.outputs.filter((value) => !given.has(value)) }
}
