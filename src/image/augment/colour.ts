/** @file Changes of colour as Keras computes them: pure functions of a picture and the strength drawn for it. */
import type { Tensor } from '../../tensor/index.ts'
import { sizesOf } from './affine.ts'

/** Lowest and highest value of the pictures. */
export type ValueRange = readonly [number, number]

/** (x − mean) · factor + mean for each channel with its own mean, clipped (Keras RandomContrast). */
export function adjustContrast(picture: Tensor<'float32'>, factor: number, range: ValueRange): Tensor<'float32'> {
  const means = channelMeans(picture)
  return mapped(picture, (x, c) => clip((x - means[c]!) * factor + means[c]!, range))
}

/** x + delta · (highest − lowest), clipped (Keras RandomBrightness). */
export function adjustBrightness(picture: Tensor<'float32'>, delta: number, range: ValueRange): Tensor<'float32'> {
  return mapped(picture, (x) => clip(x + delta * (range[1] - range[0]), range))
}

/** From the picture (0) to its grey (1) (Keras RandomColorDegeneration). */
export function degenerateColour(picture: Tensor<'float32'>, factor: number, range: ValueRange): Tensor<'float32'> {
  const data = new Float32Array(picture.data.length)
  for (let at = 0; at < data.length; at += 3) {
    const grey = 0.2989 * picture.data[at]! + 0.587 * picture.data[at + 1]! + 0.114 * picture.data[at + 2]!
    for (let c = 0; c < 3; c++) data[at + c] = clip(picture.data[at + c]! + factor * (grey - picture.data[at + c]!), range)
  }
  return { ...picture, data }
}

/** Blurred at 0, unchanged at 0.5, sharpened at 1 (Keras RandomSharpness). */
export function adjustSharpness(picture: Tensor<'float32'>, factor: number, range: ValueRange): Tensor<'float32'> {
  const smooth = smoothed(picture)
  const strength = 1 - 2 * factor
  return mapped(picture, (x, _, at) => clip(x + strength * (smooth[at]! - x), range))
}

/** Keeps the highest `bits` of each value, 1 to 8 (Keras RandomPosterization). */
export function posterize(picture: Tensor<'float32'>, bits: number, range: ValueRange): Tensor<'float32'> {
  const shift = 8 - bits
  return inBytes(picture, range, (x) => ((Math.trunc(x) & 255) >> shift) << shift)
}

/** Adds `addition`, then inverts what is not below `threshold`, both out of 255 (Keras Solarization). */
export function solarize(
  picture: Tensor<'float32'>,
  strength: { addition: number; threshold: number },
  range: ValueRange,
): Tensor<'float32'> {
  return inBytes(picture, range, (x) => {
    const raised = clip(x + strength.addition, BYTES)
    return raised < strength.threshold ? raised : 255 - raised
  })
}

/** Stretches each channel over the whole range; one of a single value stays (Keras AutoContrast). */
export function autoContrast(picture: Tensor<'float32'>, range: ValueRange): Tensor<'float32'> {
  const channels = sizesOf(picture)[2]
  const low = new Array<number>(channels).fill(Infinity)
  const high = new Array<number>(channels).fill(-Infinity)
  const toBytes = scaling(range, BYTES)
  for (let at = 0; at < picture.data.length; at++) {
    const [c, value] = [at % channels, toBytes(picture.data[at]!)]
    low[c] = Math.min(low[c]!, value)
    high[c] = Math.max(high[c]!, value)
  }
  return inBytes(picture, range, (x, c) => (high[c] === low[c] ? x : clip(((x - low[c]!) * 255) / (high[c]! - low[c]!), BYTES)))
}

/** Makes all 256 values of a channel about equally frequent (Keras Equalization). */
export function equalize(picture: Tensor<'float32'>, range: ValueRange): Tensor<'float32'> {
  const channels = sizesOf(picture)[2]
  const toBytes = scaling(range, BYTES)
  const tables = Array.from({ length: channels }, (_, c) => {
    const counts = new Array<number>(256).fill(0)
    for (let at = c; at < picture.data.length; at += channels) counts[byteOf(toBytes(picture.data[at]!))]!++
    return equalizing(counts)
  })
  return inBytes(picture, range, (x, c) => tables[c]?.[byteOf(x)] ?? x)
}

const BYTES: ValueRange = [0, 255]

/** What each value becomes; undefined where there is only one. */
function equalizing(counts: readonly number[]): number[] | undefined {
  if (counts.filter((count) => count > 0).length <= 1) return undefined
  let sum = 0
  const sums = counts.map((count) => (sum += count))
  const first = sums.find((value) => value > 0) ?? 0
  return sums.map((value) => clip(roundEven(((value - first) * 255) / Math.max(1, sum - first)), BYTES))
}

function byteOf(x: number): number {
  return clip(Math.trunc(x), BYTES)
}

/** NumPy's rounding: halves go to the even number. */
function roundEven(x: number): number {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}

/** The mean of each pixel and its eight neighbours (which count 1 of 13 each, itself 5); zeros lie outside. */
function smoothed(picture: Tensor<'float32'>): Float32Array {
  const [height, width, channels] = sizesOf(picture)
  const stride = width * channels
  const across = new Float64Array(picture.data.length)
  for (let at = 0; at < across.length; at++) {
    const place = at % stride
    const before = place >= channels ? picture.data[at - channels]! : 0
    const after = place < stride - channels ? picture.data[at + channels]! : 0
    across[at] = before + picture.data[at]! + after
  }
  const out = new Float32Array(picture.data.length)
  for (let at = 0; at < out.length; at++) {
    const above = at >= stride ? across[at - stride]! : 0
    const below = at < (height - 1) * stride ? across[at + stride]! : 0
    out[at] = (above + across[at]! + below + 4 * picture.data[at]!) / 13
  }
  return out
}

function channelMeans(picture: Tensor<'float32'>): number[] {
  const channels = sizesOf(picture)[2]
  const sums = new Array<number>(channels).fill(0)
  for (let at = 0; at < picture.data.length; at += channels) {
    for (let c = 0; c < channels; c++) sums[c]! += picture.data[at + c]!
  }
  return sums.map((sum) => (sum * channels) / picture.data.length)
}

function inBytes(picture: Tensor<'float32'>, range: ValueRange, change: (x: number, channel: number) => number): Tensor<'float32'> {
  const [toBytes, back] = [scaling(range, BYTES), scaling(BYTES, range)]
  return mapped(picture, (x, c) => back(change(toBytes(x), c)))
}

function scaling(from: ValueRange, to: ValueRange): (x: number) => number {
  if (from[0] === to[0] && from[1] === to[1]) return (x) => x
  return (x) => ((x - from[0]) / (from[1] - from[0])) * (to[1] - to[0]) + to[0]
}

function mapped(picture: Tensor<'float32'>, change: (x: number, channel: number, at: number) => number): Tensor<'float32'> {
  const channels = sizesOf(picture)[2]
  const data = new Float32Array(picture.data.length)
  for (let at = 0; at < data.length; at += channels) {
    for (let c = 0; c < channels; c++) data[at + c] = change(picture.data[at + c]!, c, at + c)
  }
  return { ...picture, data }
}

function clip(x: number, [least, most]: ValueRange): number {
  return x < least ? least : x > most ? most : x
}
