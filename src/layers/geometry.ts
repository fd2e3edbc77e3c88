/** @file Windows over height and width: output sizes and padding as TensorFlow counts them. */
import { RootstockError } from '../errors.ts'
import type { Dim } from '../tensor/index.ts'
import type { KerasShape } from './kind.ts'

export type Padding = 'valid' | 'same'
/** A padding as it may be given: Keras does not mind capitals. */
export type PaddingLike = Padding | Uppercase<Padding>
export type Pair = readonly [number, number]

/** One number for both axes, or height and width. */
export type PairLike = number | readonly [number, number]

export interface Window {
  readonly size: Pair
  readonly strides: Pair
  readonly padding: Padding
  readonly dilation?: Pair
}

/** Checks a pair of positive whole numbers. */
export function pair(value: PairLike, what: string, least = 1): Pair {
  const both: readonly number[] = typeof value === 'number' ? [value, value] : value
  const [height, width] = both
  if (both.length === 2 && height !== undefined && width !== undefined && both.every((n) => Number.isInteger(n) && n >= least))
    return [height, width]
  throw new RootstockError(
    'USAGE',
    `Invalid ${what}: found ${JSON.stringify(value)}, expected one or two whole numbers of at least ${least}`,
  )
}

/** Checks a padding; none is 'valid'. */
export function paddingOf(value: string | undefined): Padding {
  const padding = typeof value === 'string' ? value.toLowerCase() : (value ?? 'valid')
  if (padding === 'valid' || padding === 'same') return padding
  throw new RootstockError('USAGE', `Invalid padding: found ${JSON.stringify(value)}, expected "valid" or "same"`)
}

/** Keras's output height and width. */
export function windowedShape(shape: KerasShape, window: Window): Dim[] {
  return [0, 1].map((i) => {
    const size = shape[i + 1]
    const stride = window.strides[i]!
    if (size == null) return null
    if (window.padding === 'same') return Math.ceil(size / stride)
    const out = Math.floor((size - reach(window, i)) / stride) + 1
    if (out < 1) throw new Error(`a window of ${window.size[i]} does not fit into ${size} pixels`)
    return out
  })
}

/** Top, left, bottom, right. TensorFlow puts the odd pixel at the end. */
export function windowPads(shape: KerasShape, window: Window): number[] {
  if (window.padding === 'valid') return [0, 0, 0, 0]
  const [vertical, horizontal] = [0, 1].map((i) => {
    const size = shape[i + 1]
    if (size == null) throw new Error('height and width must be known')
    const stride = window.strides[i]!
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach(window, i) - size)
  }) as [number, number]
  return [Math.floor(vertical / 2), Math.floor(horizontal / 2), Math.ceil(vertical / 2), Math.ceil(horizontal / 2)]
}

const reach = (window: Window, i: number): number => (window.dilation?.[i] ?? 1) * (window.size[i]! - 1) + 1

/** Checks the number of axes and returns the channels, which must be known. */
export function channelsOf(shape: KerasShape): number {
  const channels = shape.at(-1)
  if (shape.length !== 4) throw new Error('expected 4 axes: batch, height, width, channels')
  if (channels == null) throw new Error('the number of channels must be known')
  return channels
}
