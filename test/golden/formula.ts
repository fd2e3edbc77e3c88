/** @file The formula of GOLDENS.md: both sides fill every tensor from its name, so no weights are stored. */
import { fnv1a, mix, sizeOf, type Shape, type Tensor } from '../../src/tensor/index.ts'

/** n doubles in [0, 1). */
export function uniform(name: string, n: number, salt = ''): Float64Array {
  const seed = fnv1a(salt + name)
  const values = new Float64Array(n)
  for (let i = 0; i < n; i++) values[i] = mix(i + seed) / 4294967296
  return values
}

/** The weight called `name` ("block1_conv1/kernel"), C order, in Keras's layout. */
export function formula(name: string, shape: Shape, gain = 1, salt = ''): Tensor<'float32'> {
  const { scale, offset } = range(name.slice(name.lastIndexOf('/') + 1), shape, gain)
  const seed = fnv1a(salt + name)
  const data = new Float32Array(sizeOf(shape))
  // The order of the operations decides the last bit of the double, and rarely that of the float.
  for (let i = 0; i < data.length; i++) data[i] = (offset + (mix(i + seed) / 4294967296) * (offset < 0 ? 2 : 1)) * scale
  return { data, shape, dtype: 'float32' }
}

/** (0.5 + u)·scale where the offset is 0.5, (2u − 1)·scale where it is −1. */
function range(kind: string, shape: Shape, gain: number): { scale: number; offset: number } {
  if (kind === 'gamma') return { scale: gain, offset: 0.5 }
  if (kind === 'moving_variance') return { scale: 1, offset: 0.5 }
  if (['bias', 'beta', 'moving_mean'].includes(kind)) return { scale: 0.1, offset: -1 }
  const fanIn = sizeOf(kind === 'depthwise_kernel' ? shape.slice(0, 2) : shape.slice(0, -1))
  return { scale: Math.sqrt(6 / fanIn), offset: -1 }
}

/** Whole numbers 0..255. */
export function pixels(name: string, shape: Shape): Tensor<'float32'> {
  return { data: Float32Array.from(uniform(name, sizeOf(shape)), (x) => Math.floor(x * 256)), shape, dtype: 'float32' }
}

/** Like `pixels`, but 70 % of each value is shared by a block of 16 × 16, as in a real photo. */
export function photo(name: string, shape: readonly [number, number, number, number]): Tensor<'float32'> {
  const [n, h, w, c] = shape
  const [H, W] = [Math.ceil(h / 16), Math.ceil(w / 16)]
  const coarse = uniform(`${name}/coarse`, n * H * W * c)
  const fine = uniform(`${name}/fine`, n * h * w * c)
  const data = new Float32Array(n * h * w * c)
  let i = 0
  for (let b = 0; b < n; b++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        for (let k = 0; k < c; k++, i++) {
          const block = coarse[((b * H + (y >> 4)) * W + (x >> 4)) * c + k]!
          data[i] = Math.floor((0.7 * block + 0.3 * fine[i]!) * 256)
        }
  return { data, shape, dtype: 'float32' }
}

/** Mean and population standard deviation in double precision. */
export function moments(values: ArrayLike<number>): { mean: number; std: number } {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  const mean = sum / values.length
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2
  return { mean, std: Math.sqrt(squares / values.length) }
}
