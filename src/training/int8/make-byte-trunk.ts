/** @file Makes the 8-bit form of a trunk: calibrates it on photos, tries the ways to choose ranges, and keeps the one closest to float32. */
import { engine } from '../../engine/index.ts'
import {
  dropUnreadPixels,
  foldBatchNorm,
  foldPadding,
  graphHash,
  inSequence,
  poolBehind,
  quantize,
  type Graph,
  type Node,
  type RoundedBefore,
} from '../../graph/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { rowOf } from '../feature-rows.ts'
import { joinRows } from '../predict.ts'
import type { ByteTrunk, Int8Agreement } from './byte-trunk.ts'
import { calibrate, type Calibration } from './calibrate.ts'
import { rangeMethods, type RangeMethod } from './histogram.ts'

/** Photos [1, height, width, 3], prepared for the network. */
export interface SamplePhotos {
  readonly calibration: readonly Tensor<'float32'>[]
  /** Others. */
  readonly comparison: readonly Tensor<'float32'>[]
}

/** The least mean cosine of features in 8 bits and in float32 with which an 8-bit trunk is used. */
export const leastCosine = 0.98

interface Candidate {
  readonly graph: Graph
  readonly method: RangeMethod
  readonly firstLayer: Int8Agreement['firstLayer']
  readonly cosine: Int8Agreement['cosine']
}

/**
 * Quantizes a trunk with one input. The first layer stays in float32 only where 8 bits there cost too much: it is rarely the
 * one that matters, and is slower so.
 */
export async function makeByteTrunk(
  float: Graph,
  photos: SamplePhotos,
  onProgress?: (done: number, total: number) => void,
): Promise<ByteTrunk> {
  let done = 0
  // Each way is tried on the photos that are compared.
  const total = photos.calibration.length + photos.comparison.length * (1 + rangeMethods.length)
  const onPhoto = (): void => onProgress?.(Math.min(++done, total), total)
  const graph = fixed(inSequence(float, [foldBatchNorm, dropUnreadPixels, foldPadding, poolBehind]).graph)
  const rounded: RoundedBefore = new Map()
  const seen = await calibrate(graph, photos.calibration, { rounded, onPhoto })
  const expected = await featuresOf(graph, photos.comparison, onPhoto)
  const against = { seen, photos: photos.comparison, expected, rounded, onPhoto }
  let best = await bestOf(graph, against, 'int8')
  if (best.cosine.mean < leastCosine) {
    const careful = await bestOf(graph, against, 'float32')
    if (careful.cosine.mean > best.cosine.mean && isInBytes(careful.graph)) best = careful
  }
  const { method, firstLayer, cosine } = best
  const counts = { calibrated: photos.calibration.length, compared: photos.comparison.length }
  return {
    graph: best.graph,
    features: float.outputs.map(({ name }) => name),
    source: graphHash(float),
    agreement: { method, firstLayer, cosine, photos: counts },
  }
}

/** Not where the first layer is the only one that 8 bits would serve. */
function isInBytes({ nodes }: Graph): boolean {
  return nodes.some(({ op }) => op === 'QuantizeLinear')
}

/** The graph with its weights as they are: each way to choose ranges asks for all of them. */
function fixed({ parameters, constants, ...graph }: Graph): Graph {
  const numbers = Array.from(parameters, ([value, parameter]) => [value, parameter.data()] as const)
  return { ...graph, parameters: new Map(), constants: new Map([...constants, ...numbers]) }
}

interface Comparison {
  readonly seen: Calibration
  readonly photos: readonly Tensor<'float32'>[]
  readonly expected: readonly Float32Array[]
  readonly rounded: RoundedBefore
  readonly onPhoto: () => void
}

async function bestOf(graph: Graph, against: Comparison, firstLayer: Candidate['firstLayer']): Promise<Candidate> {
  const { seen, photos, expected, rounded, onPhoto } = against
  const tried = new Set<string>()
  let best: Candidate | undefined
  for (const method of rangeMethods) {
    const keep = firstLayer === 'float32' ? (node: Node): boolean => readsColours(node) : undefined
    const bytes = quantize(graph, {
      range: (value) => seen.range(value, method),
      means: (value) => seen.means(value),
      rounded,
      ...(keep && { keep }),
    })
    // Where every range ends at the ceiling of a ReLU the ways agree.
    const hash = graphHash(bytes)
    if (tried.has(hash)) continue
    tried.add(hash)
    const cosine = cosines(expected, await featuresOf(bytes, photos, onPhoto))
    if (!best || cosine.mean > best.cosine.mean) best = { graph: bytes, method, firstLayer, cosine }
  }
  return best!
}

/** The first layer reads red, green and blue. */
function readsColours({ op, inputs }: Node): boolean {
  return op === 'Conv' && inputs[0]?.shape[1] === 3
}

/** Photos compared at once. */
const TOGETHER = 4

/** All features of each photo in one row. */
async function featuresOf(graph: Graph, photos: readonly Tensor<'float32'>[], onPhoto: () => void): Promise<Float32Array[]> {
  const program = await engine().compile(graph)
  try {
    const found: Float32Array[] = []
    for (let from = 0; from < photos.length; from += TOGETHER) {
      const some = photos.slice(from, from + TOGETHER)
      const results = await program.run(new Map([[graph.inputs[0]!, joinRows(some)]]))
      some.forEach(onPhoto)
      const features = graph.outputs.map((value) => results.get(value) as Tensor<'float32'>)
      found.push(...some.map((_, i) => rowOf(features, i)))
    }
    return found
  } finally {
    await program.dispose()
  }
}

function cosines(expected: readonly Float32Array[], found: readonly Float32Array[]): Int8Agreement['cosine'] {
  const each = expected.map((row, i) => cosine(row, found[i]!))
  return { mean: each.reduce((sum, value) => sum + value, 0) / each.length, min: Math.min(...each) }
}

/** 1 for two rows of zeros. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!]
    ab += x * y
    aa += x * x
    bb += y * y
  }
  return aa + bb === 0 ? 1 : ab / Math.sqrt(aa * bb || Infinity)
}
