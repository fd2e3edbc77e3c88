/** @file Resizing as Pillow does it, exact to the last bit: the centre crop, and the nearest rule of its `Geometry.c`. */
import { refuseUnknown, RootstockError, shownValue, unknownName } from '../errors.ts'
import { MAX_PIXELS } from './decode.ts'
import { imageKernel } from './kernel.ts'
import { checkPixels, type Pixels } from './pixels.ts'
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

const MAX_SIDE = 16384

/** Code USAGE for anything but `[height, width]` in whole pixels, within the limits of pictures. */
export function checkSize(size: readonly [number, number]): void {
  const isSize = Array.isArray(size) && size.length === 2 && size.every((side) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE)
  if (isSize && size[0] * size[1] <= MAX_PIXELS) return
  const shown = Array.isArray(size) ? `[${(size as readonly unknown[]).join(',')}]` : shownValue(size)
  const most = isSize ? `at most ${MAX_PIXELS / 1e6} million pixels` : `[height, width], whole numbers from 1 to ${MAX_SIDE}`
  throw new RootstockError('USAGE', `Cannot resize to ${shown}: expected ${most}`, { hint: 'For example targetSize: [224, 224]' })
}

/**
 * The picture at `[height, width]` pixels; the same object when it has that size already.
 * Throws UNKNOWN_NAME for another `interpolation`, or an option that does not exist; USAGE for another form of picture or size.
 */
export function resize(pixels: Pixels, size: readonly [number, number], options: ResizeOptions = {}): Pixels {
  refuseUnknown('resize', options, { interpolation: true, keepAspectRatio: true })
  const { interpolation = 'nearest', keepAspectRatio = false } = options
  if (!INTERPOLATIONS.includes(interpolation)) throw unknownName('interpolation', String(interpolation), INTERPOLATIONS)
  checkPixels(pixels)
  checkSize(size)
  const [height, width] = size
  if (pixels.width === width && pixels.height === height) return pixels
  const box = keepAspectRatio ? centreBox(pixels, width, height) : { left: 0, top: 0, width: pixels.width, height: pixels.height }
  if (interpolation === 'nearest') return nearest(pixels, box, width, height)
  return resample(pixels, box, { width, height, filter: interpolation })
}

/** Keras's centre crop (`load_img` with `keep_aspect_ratio`). Of a very narrow picture nothing may be left: Pillow resamples around its place. */
function centreBox(from: Pixels, width: number, height: number): Box {
  const cropHeight = Math.min(from.height, Math.floor((from.width * height) / width))
  const cropWidth = Math.min(from.width, Math.floor((from.height * width) / height))
  return {
    left: Math.floor((from.width - cropWidth) / 2),
    top: Math.floor((from.height - cropHeight) / 2),
    width: cropWidth,
    height: cropHeight,
  }
}

/** Pillow's ImagingScaleAffine. Source positions are summed up, not multiplied: the rounding of the sum is part of the result. */
function nearest(pixels: Pixels, box: Box, width: number, height: number): Pixels {
  const columns = positions(box.left, box.width, width).map((x) => x * 3)
  const rows = positions(box.top, box.height, height)
  const data = pickByKernel(pixels, rows, columns) ?? pick(pixels, rows, columns)
  return { data, width, height }
}

/** Larger pictures are not worth a copy: few of their pixels are read. In bytes. */
const MOST_COPIED = 2 ** 20

function pickByKernel({ data, width }: Pixels, rows: Int32Array, columns: Int32Array): Uint8Array | undefined {
  if (data.length > MOST_COPIED) return undefined
  const size = rows.length * columns.length * 3
  const kernel = imageKernel()
  const areas = kernel?.areas(data.length, rows.byteLength, columns.byteLength, size)
  if (!kernel || !areas) return undefined
  const { bytes, starts } = areas
  const [from = 0, rowsAt = 0, columnsAt = 0, to = 0] = starts
  bytes.set(data, from)
  new Int32Array(bytes.buffer, rowsAt, rows.length).set(rows)
  new Int32Array(bytes.buffer, columnsAt, columns.length).set(columns)
  kernel.pick(from, width * 3, rowsAt, rows.length, columnsAt, columns.length, to)
  return bytes.slice(to, to + size)
}

function pick({ data, width }: Pixels, rows: Int32Array, columns: Int32Array): Uint8Array {
  const out = new Uint8Array(rows.length * columns.length * 3)
  let to = 0
  for (const y of rows) {
    for (const column of columns) {
      const from = y * width * 3 + column
      out[to++] = data[from]!
      out[to++] = data[from + 1]!
      out[to++] = data[from + 2]!
    }
  }
  return out
}

function positions(start: number, length: number, count: number): Int32Array {
  const step = length / count
  const found = new Int32Array(count)
  for (let i = 0, at = start + step * 0.5; i < count; i++, at += step) found[i] = Math.min(Math.floor(at), start + Math.max(1, length) - 1)
  return found
}
