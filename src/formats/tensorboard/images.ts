/** @file Weights as pictures, and pictures as PNG. */
import sharp from 'sharp'
import type { Tensor } from '../../tensor/index.ts'

/** TensorFlow writes at most so many pictures of one tag and step. */
export const maxPictures = 3

/** Pictures as TensorBoard takes them: [count, height, width, 1, 3 or 4], floats from 0 (black) to 1. */
export interface Pictures {
  /** The numbers, row by row. */
  readonly data: Float32Array
  /** [n, height, width, channels] */
  readonly shape: readonly [count: number, height: number, width: number, channels: number]
}

/**
 * A weight as pictures, by Keras's rules: axes of size 1 are dropped; then a vector is one column, a matrix one picture that is wider
 * than high, and three axes are one picture for each of the last. Undefined for other forms.
 */
export function picturesOfWeight(weight: Tensor<'float32'>): Pictures | undefined {
  const sizes = weight.shape.filter((size) => size !== 1)
  const [a = 1, b = 1, c = 1, d = 1] = sizes
  if (sizes.length === 1) return { data: weight.data, shape: [1, a, 1, 1] }
  if (sizes.length === 2)
    return a > b ? { data: turned(weight.data, a, b), shape: [1, b, a, 1] } : { data: weight.data, shape: [1, a, b, 1] }
  if (sizes.length === 3) return { data: turned(weight.data, a * b, c), shape: [c, a, b, 1] }
  return sizes.length === 4 && (d === 3 || d === 4) ? { data: weight.data, shape: [a, b, c, d] } : undefined
}

/** Rows become columns. */
function turned(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!
  return out
}

/** The first `maxPictures` pictures as PNG files. */
export async function encodePictures({ data, shape: [count, height, width, channels] }: Pictures): Promise<Uint8Array[]> {
  const size = height * width * channels
  const made: Uint8Array[] = []
  for (let i = 0; i < Math.min(count, maxPictures); i++) {
    const pixels = toBytes(data.subarray(i * size, (i + 1) * size))
    made.push(await encodePng(pixels, { width, height, channels }))
  }
  return made
}

/** A PNG file of raw pixels with 1 (grey), 3 (RGB) or 4 (RGBA) channels. */
export async function encodePng(
  pixels: Uint8Array,
  { width, height, channels }: { width: number; height: number; channels: number },
): Promise<Uint8Array> {
  const picture = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 | 4 } })
  return new Uint8Array(await (channels === 1 ? picture.toColourspace('b-w') : picture).png().toBuffer())
}

/** 0 … 1 to 0 … 255, the rest clipped; TensorFlow's convert_image_dtype scales by 255.5 and cuts off the fraction. */
function toBytes(values: Float32Array): Uint8Array {
  return Uint8Array.from(values, (value) => Math.max(0, Math.min(255, Math.trunc(Math.fround(value * 255.5)))))
}
