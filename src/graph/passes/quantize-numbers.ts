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

/** What rounding the weights of a layer gave before, by their numbers: scales of inputs seldom change it, and there are millions of weights. */
export type RoundedBefore = Map<Float32Array, Rounded>

interface Rounded {
  /** By outgoing channel, before the bias has its say. */
  readonly leastSteps: Float64Array
  readonly steps: Float32Array
  readonly weight: Int8Array
  readonly means: Float32Array | undefined
  /** By outgoing channel: what rounding shifts on average where inputs have these means. */
  readonly shifts: Float64Array
}

/** What weights are rounded for. */
interface Inputs {
  readonly scale: number
  readonly means?: Float32Array | undefined
  readonly group: number
  readonly before?: RoundedBefore | undefined
}

/**
 * Weights [outgoing, …] and bias for inputs of the given scale, one scale per outgoing channel. `means` are the inputs' channel means: what
 * rounding the weights shifts on average, Σ (w − ŵ)·mean, is added to the bias.
 */
export function quantizeWeights(tensor: Tensor<'float32'>, bias: Float32Array | undefined, inputs: Inputs): QuantizedWeights {
  const { scale, means, before } = inputs
  const { data, shape } = tensor
  const known = before?.get(data)
  const leastSteps = known?.leastSteps ?? leastStepsOf(tensor)
  // The bias shares 32 bits with the sums.
  const steps = Float32Array.from(leastSteps, (least, o) => Math.max(least, Math.abs(bias?.[o] ?? 0) / (scale * mostBias)))
  const isKnown = known?.steps.every((step, o) => step === steps[o]) === true
  const weight = isKnown ? known.weight : roundWeights(data, steps)
  const shifts = isKnown && known.means === means ? known.shifts : shiftsOf(tensor, { weight, steps, inputs })
  before?.set(data, { leastSteps, steps, weight, means, shifts })
  const biasScales = steps.map((step) => step * scale)
  const biases = Int32Array.from(biasScales, (unit, o) => Math.round(((bias?.[o] ?? 0) + shifts[o]!) / unit))
  return {
    weight: { data: weight, shape, dtype: 'int8' },
    scales: steps,
    bias: { data: biases, shape: [steps.length], dtype: 'int32' },
    biasScales,
  }
}

function roundWeights(data: Float32Array, steps: Float32Array): Int8Array {
  const weight = new Int8Array(data.length)
  const width = data.length / steps.length
  for (let o = 0, i = 0; o < steps.length; o++) {
    const step = steps[o]!
    // Math.round takes ten times as long.
    for (const end = i + width; i < end; i++) weight[i] = Math.floor(data[i]! / step + 0.5)
  }
  return weight
}

function shiftsOf(
  { data, shape }: Tensor<'float32'>,
  { weight, steps, inputs: { means, group } }: { readonly weight: Int8Array; readonly steps: Float32Array; readonly inputs: Inputs },
): Float64Array {
  const shifts = new Float64Array(steps.length)
  if (!means) return shifts
  const [channels = 0, incoming = 0, ...kernel] = shape
  const spatial = kernel.reduce((product, size) => product * size, 1)
  for (let o = 0, i = 0; o < channels; o++) {
    const first = Math.floor(o / (channels / group)) * incoming
    for (let c = first; c < first + incoming; c++) {
      let lost = 0
      for (const end = i + spatial; i < end; i++) lost += data[i]! - weight[i]! * steps[o]!
      shifts[o]! += lost * means[c]!
    }
  }
  return shifts
}

/** The steps of the channels' weights: as small as the largest weight and the two largest of one sign allow. */
function leastStepsOf({ data, shape: [channels = 0] }: Tensor<'float32'>): Float64Array {
  const width = data.length / channels
  return Float64Array.from({ length: channels }, (_, o) => {
    const row = data.subarray(o * width, (o + 1) * width)
    const [above, below] = [largestTwo(row, 1), largestTwo(row, -1)]
    const most = Math.max(above[0], below[0])
    const pair = Math.max(above[0] + above[1], below[0] + below[1])
    return Math.max(most / mostWeight, pair / mostPair, 1e-30)
  })
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
