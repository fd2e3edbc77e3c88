/** @file The arithmetic of 8-bit numbers: scales, zero points, and weights per channel. */
import type { Tensor } from '../../tensor/index.ts'

/** Least and greatest value that a tensor takes. */
export interface Range {
  /** The least value that is kept. */
  readonly min: number
  /** The greatest value that is kept. */
  readonly max: number
}

/** x ≈ (q − zero)·scale with q in 0 … 255. */
export interface Scale {
  readonly scale: number
  readonly zero: number
}

/** Weights as whole numbers in −127 … 127, symmetric about zero, no two of a channel above 128 together, and a bias in steps of what the products come in. */
export interface QuantizedWeights {
  readonly weight: Tensor<'int8'>
  readonly scales: Float32Array
  readonly bias: Tensor<'int32'>
  readonly biasScales: Float32Array
}

const levels = 255
const mostWeight = 127
/**
 * Processors without instructions for 8 bits add two products in 16 bits and cut off what does not fit: 255·128 does. Which two meet is the
 * engine's affair, so it holds for any two weights of a channel. Half a step is left for rounding both.
 */
const mostPair = 127.5
/** Sums of products and the bias share 32 bits. */
const mostBias = 2 ** 29

/** The scale of uint8 numbers for a range; zero is always among them, since padding is zero. */
export function scaleFor({ min, max }: Range): Scale {
  const [low, high] = [Math.min(0, min), Math.max(0, max)]
  const scale = Math.fround((high - low) / levels) || Math.fround(1 / levels)
  return { scale, zero: Math.min(levels, Math.max(0, Math.round(-low / scale))) }
}

/**
 * Weights [outgoing, …] and bias for inputs of the given scale, one scale per outgoing channel. `means` are the inputs' channel means: what
 * rounding the weights shifts on average, Σ (w − ŵ)·mean, is added to the bias.
 */
export function quantizeWeights(
  { data, shape }: Tensor<'float32'>,
  bias: Float32Array | undefined,
  { scale, means, group }: { readonly scale: number; readonly means?: Float32Array | undefined; readonly group: number },
): QuantizedWeights {
  const [channels = 0, incoming = 0, ...kernel] = shape
  const spatial = kernel.reduce((product, size) => product * size, 1)
  const width = incoming * spatial
  const weight = new Int8Array(data.length)
  const scales = new Float32Array(channels)
  const biasScales = new Float32Array(channels)
  const biases = new Int32Array(channels)
  for (let o = 0; o < channels; o++) {
    const row = data.subarray(o * width, (o + 1) * width)
    const step = stepFor(row, bias?.[o] ?? 0, scale)
    const first = Math.floor(o / (channels / group)) * incoming
    const rounded = weight.subarray(o * width, (o + 1) * width)
    let shift = 0
    for (let c = 0, i = 0; c < incoming; c++) {
      const mean = means?.[first + c] ?? 0
      for (const end = i + spatial; i < end; i++) {
        // Math.round takes ten times as long, and there are millions of weights.
        const q = Math.floor(row[i]! / step + 0.5)
        rounded[i] = q
        shift += (row[i]! - q * step) * mean
      }
    }
    scales[o] = step
    biasScales[o] = Math.fround(step * scale)
    biases[o] = Math.round(((bias?.[o] ?? 0) + shift) / biasScales[o]!)
  }
  return {
    weight: { data: weight, shape, dtype: 'int8' },
    scales,
    bias: { data: biases, shape: [channels], dtype: 'int32' },
    biasScales,
  }
}

/** The step of one channel's weights: as small as the largest weight, the two largest of one sign, and a bias of 32 bits allow. */
function stepFor(row: Float32Array, bias: number, scale: number): number {
  const [above, below] = [largestTwo(row, 1), largestTwo(row, -1)]
  const most = Math.max(above[0], below[0])
  const pair = Math.max(above[0] + above[1], below[0] + below[1])
  return Math.fround(Math.max(most / mostWeight, pair / mostPair, Math.abs(bias) / (scale * mostBias), 1e-30))
}

/** The two largest of the numbers times `sign`, or 0 in place of what is below it. */
function largestTwo(row: Float32Array, sign: 1 | -1): readonly [number, number] {
  let [first, second] = [0, 0]
  for (let i = 0; i < row.length; i++) {
    const size = row[i]! * sign
    if (size <= second) continue
    second = Math.min(size, first)
    first = Math.max(size, first)
  }
  return [first, second]
}
