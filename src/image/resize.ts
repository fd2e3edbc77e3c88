/** @file Resizing as Pillow does it, exact to the last bit: the centre crop, and the nearest rule of its `Geometry.c`. */
import { refuseUnknown, unknownName } from '../errors.ts'
import type { Pixels } from './pixels.ts'
import { resample, type Box } from './resample.ts'
import type { FilterName } from './resample-weights.ts'

/** The names of Keras and Pillow. */
export type Interpolation = 'nearest' | FilterName

/** Settings of `resize`. */
export interface ResizeOptions {
  /** Defaults to 'nearest', as in Keras. */
  readonly interpolation?: Interpolation
  /** Crops to the target's aspect ratio around the centre first, instead of distorting. Default false. */
  readonly keepAspectRatio?: boolean
}

/** Every valid `interpolation`. */
export const INTERPOLATIONS: readonly Interpolation[] = ['nearest', 'bilinear', 'bicubic', 'lanczos', 'box', 'hamming']

/**
 * The picture at `[height, width]` pixels; the same object when it has that size already.
 * Throws UNKNOWN_NAME for another `interpolation`, or an option that does not exist.
 */
export function resize(pixels: Pixels, size: readonly [number, number], options: ResizeOptions = {}): Pixels {
  refuseUnknown('resize', options, { interpolation: true, keepAspectRatio: true })
  const { interpolation = 'nearest', keepAspectRatio = false } = options
  if (!INTERPOLATIONS.includes(interpolation)) throw unknownName('interpolation', String(interpolation), INTERPOLATIONS)
  const [height, width] = size
  if (pixels.width === width && pixels.height === height) return pixels
  const box = keepAspectRatio ? centreBox(pixels, width, height) : { left: 0, top: 0, width: pixels.width, height: pixels.height }
  if (interpolation === 'nearest') return nearest(pixels, box, width, height)
  return resample(pixels, box, { width, height, filter: interpolation })
}

/** Keras's centre crop (`load_img` with `keep_aspect_ratio`); at least one pixel, where Keras would fail. */
function centreBox(from: Pixels, width: number, height: number): Box {
  const cropHeight = Math.max(1, Math.min(from.height, Math.floor((from.width * height) / width)))
  const cropWidth = Math.max(1, Math.min(from.width, Math.floor((from.height * width) / height)))
  return {
    left: Math.floor((from.width - cropWidth) / 2),
    top: Math.floor((from.height - cropHeight) / 2),
    width: cropWidth,
    height: cropHeight,
  }
}

/** Pillow's ImagingScaleAffine. Source positions are summed up, not multiplied: the rounding of the sum is part of the result. */
function nearest({ data, width: stride }: Pixels, box: Box, width: number, height: number): Pixels {
  const columns = positions(box.left, box.width, width).map((x) => x * 3)
  const lines = positions(box.top, box.height, height)
  const out = new Uint8Array(width * height * 3)
  for (let y = 0, to = 0; y < height; y++) {
    const row = lines[y]! * stride * 3
    for (let x = 0; x < width; x++, to += 3) {
      const from = row + columns[x]!
      out[to] = data[from]!
      out[to + 1] = data[from + 1]!
      out[to + 2] = data[from + 2]!
    }
  }
  return { data: out, width, height }
}

function positions(start: number, length: number, count: number): Int32Array {
  const step = length / count
  const found = new Int32Array(count)
  for (let i = 0, at = start + step * 0.5; i < count; i++, at += step) found[i] = Math.min(Math.floor(at), start + length - 1)
  return found
}
