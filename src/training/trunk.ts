/** @file The frozen part of a model: where it ends, and running it over photos. */
import { rows, sizeOf, type Shape, type Tensor } from '../tensor/index.ts'
import { cutAtFreezeBoundary, graphHash, holdPadding, type Graph, type OpName, type Value } from '../graph/index.ts'
import { lower, type Functional } from '../models/index.ts'
import type { Compiled } from './compile.ts'
import { byteTrunkFor, spoilAlike } from './int8/byte-trunk.ts'
import { trunkProgram } from './trunk-program.ts'

/** Photos computed at once by convolutions: more take more memory, and no less time (docs/performance.md). */
const trunkBatch = 2

/** Where dense layers read their kernels once for all of them, and in each of the runs that go on side by side. */
const widerBatch = 4

/**
 * In 8 bits a run is so short that what lies between two of them counts, 19 → 18 ms a photo of InceptionV3, and values take a quarter of the
 * memory. Larger photos are fewer at once, since several times as many are being prepared. Between runs that go on side by side nothing waits.
 */
function photosAtOnce(photo: Shape, { isInBytes, mixesRows }: { isInBytes: boolean; mixesRows: boolean }): number {
  if (isInBytes) return Math.max(widerBatch, Math.min(16, Math.floor(2 ** 23 / sizeOf(photo))))
  return mixesRows ? widerBatch : trunkBatch
}

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
  /** Photos that `run` is best given at once; others where runs go on side by side. */
  readonly batch: number
  /** Batch norms train: each step computes with the statistics of its batch. */
  readonly learnsStatistics: boolean
  /** Of everything that the features depend on but the photo; empty when nothing is computed. */
  hash(): string
  /** Gets ready for that many photos, and tells how many runs may go on side by side. */
  widen(photos: number): Promise<number>
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
  const mixesRows = hasFloatProducts(graph)
  const compiledTrunk = trunkProgram(computes ? graph : undefined)
  const most = dependsOnPlace(graph) ? 1 : photosAtOnce(photo, { isInBytes: bytes !== undefined, mixesRows })
  return {
    features: features.map(({ name }) => name),
    shapes: features.map(({ shape }) => shape.slice(1).map((size) => size ?? 0)),
    computes,
    float: computes ? cut.trunk : undefined,
    get batch() {
      return mixesRows || most === 1 || compiledTrunk.lanes() === 1 ? most : widerBatch
    },
    learnsStatistics: lowered.updates.size > 0,
    // As it is run: features from before padding stayed in front of pools are other numbers.
    hash: () => (graph ? graphHash(holdPadding(graph)) : ''),
    async run(photos) {
      if (!computes) return [photos]
      const { program, at } = await compiledTrunk.get()
      const count = photos.shape[0] ?? 0
      const given = mixesRows ? padded(photos, most) : photos
      const results = await program.run(new Map([[graph?.inputs[0] ?? input, given]]))
      const features = cut.features.map((value, i) => {
        const made = graph?.outputs[i] ?? value
        return value === input ? photos : rows(results.get(at(made)) as Tensor<'float32'>, 0, count)
      })
      if (bytes) spoilAlike(photos, features)
      return features
    },
    widen: (photos) => compiledTrunk.widen(photos),
    dispose: () => compiledTrunk.dispose(),
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
function padded(photos: Tensor<'float32'>, batch: number): Tensor<'float32'> {
  const [count = 0, ...shape] = photos.shape
  if (count >= batch) return photos
  const data = new Float32Array((photos.data.length / count) * batch)
  data.set(photos.data)
  return { data, shape: [batch, ...shape], dtype: 'float32' }
}

/** Products of 8-bit numbers are exact, in whatever order. */
function hasFloatProducts(graph: Graph | undefined): boolean {
  const ofBytes = new Set(graph?.nodes.flatMap(({ op, outputs }) => (op === 'DequantizeLinear' ? outputs : [])))
  return (
    graph?.nodes.some(({ op, inputs }) => (op === 'MatMul' || op === 'Gemm') && !inputs.every((input) => input && ofBytes.has(input))) ??
    false
  )
}

/** As many numbers as the longest vectors of processors hold. */
const vector = 16

/**
 * The engine adds up a mean by vectors from where memory is aligned, and takes softplus of the numbers at its ends by another formula. So
 * the last bits depend on where in a batch a photo lies, unless its numbers fill vectors; and the place depends on which photos were missing.
 * Means of the photo itself, whose channels lie last, are added up in another order for another number of photos.
 */
function dependsOnPlace(graph: Graph | undefined): boolean {
  const numbersOf = (value: Value | null | undefined): number => sizeOf(value?.shape.slice(1).map((size) => size ?? 1) ?? [])
  const isPhoto = (value: Value | null | undefined): boolean =>
    value === graph?.inputs[0] ||
    (graph?.nodes.some(({ op, inputs, outputs }) => op === 'Transpose' && outputs[0] === value && inputs[0] === graph.inputs[0]) ?? false)
  const depends = ([x]: readonly (Value | null)[]): boolean => numbersOf(x) % vector !== 0 || isPhoto(x)
  return graph?.nodes.some(({ op, inputs }) => op === 'Softplus' || (op === 'ReduceMean' && depends(inputs))) ?? false
}
