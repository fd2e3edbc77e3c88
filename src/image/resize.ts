/** @file Pillow's resampling, exact to the last bit (Pillow `Resample.c` and the nearest rule of `Geometry.c`). */
import { refuseUnknown, unknownName } from '../errors.ts'
import type { Pixels } from './pixels.ts'

/** The names of Keras and Pillow. */
export type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'lanczos' | 'box' | 'hamming'

/** Settings of `resize`. */
export interface ResizeOptions {
  /** Defaults to 'nearest', as in Keras. */
  readonly interpolation?: Interpolation
  /** Crops to the target's aspect ratio around the centre first, instead of distorting. Default false. */
  readonly keepAspectRatio?: boolean
}

interface Filter {
  /** Half the width of the kernel, in pixels of the smaller picture. */
  readonly support: number
  readonly weight: (x: number) => number
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI))

const FILTERS: Readonly<Record<Exclude<Interpolation, 'nearest'>, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

/** Every valid `interpolation`. */
export const INTERPOLATIONS: readonly Interpolation[] = ['nearest', 'bilinear', 'bicubic', 'lanczos', 'box', 'hamming']

/** Bits after the point of a weight: 8 for the value and 2 for overshoot are kept free. */
const PRECISION = 32 - 8 - 2

/** A part of a picture, in whole pixels. */
interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

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
  return resample(pixels, box, { width, height, filter: FILTERS[interpolation] })
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

interface Target {
  readonly width: number
  readonly height: number
  readonly filter: Filter
}

/**
 * Pillow's ImagingResampleInner: one pass across and one down, each rounded to bytes; a pass that would change nothing is left out.
 * Across goes first, unless the height shrinks by more than twice as many pixels as the width (Pillow 13; earlier ones never
 * swap the passes, which differs by one step in some values of tall pictures). Pillow compares whole pictures, not the crop.
 */
function resample(pixels: Pixels, box: Box, { width, height, filter }: Target): Pixels {
  const isAcross = width !== pixels.width || box.width !== width
  const isDown = height !== pixels.height || box.height !== height
  const across = coefficients(pixels.width, { start: box.left, length: box.width, count: width }, filter)
  const down = coefficients(pixels.height, { start: box.top, length: box.height, count: height }, filter)
  if (!isDown) return resampleAcross(pixels, across, { first: 0, last: pixels.height })
  if (!isAcross) return resampleDown(pixels, down, 0)
  const shrinks = pixels.height - height
  if (shrinks > 0 && shrinks > 2 * (pixels.width - width)) {
    return resampleAcross(resampleDown(pixels, down, 0), across, { first: 0, last: height })
  }
  const first = down.starts[0]!
  const last = down.starts[height - 1]! + down.counts[height - 1]!
  return resampleDown(resampleAcross(pixels, across, { first, last }), down, first)
}

/** For each place of the result: where its source begins, how many values it takes, and their fixed-point weights. */
interface Coefficients {
  readonly starts: Int32Array
  readonly counts: Int32Array
  /** `stride` weights for each place. */
  readonly weights: Int32Array
  readonly stride: number
}

/** Pillow's precompute_coeffs and normalize_coeffs_8bpc. */
function coefficients(size: number, axis: { start: number; length: number; count: number }, filter: Filter): Coefficients {
  const { start, length, count } = axis
  const scale = length / count
  const filterScale = Math.max(1, scale)
  const support = filter.support * filterScale
  const stride = Math.ceil(support) * 2 + 1
  const starts = new Int32Array(count)
  const counts = new Int32Array(count)
  const weights = new Int32Array(count * stride)
  const exact = new Float64Array(stride)
  for (let i = 0; i < count; i++) {
    const centre = start + (i + 0.5) * scale
    const from = Math.max(0, Math.trunc(centre - support + 0.5))
    const taken = Math.min(size, Math.trunc(centre + support + 0.5)) - from
    let sum = 0
    for (let k = 0; k < taken; k++) {
      exact[k] = filter.weight((k + from - centre + 0.5) * (1 / filterScale))
      sum += exact[k]!
    }
    for (let k = 0; k < taken; k++) {
      const share = (sum === 0 ? exact[k]! : exact[k]! / sum) * (1 << PRECISION)
      weights[i * stride + k] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5)
    }
    starts[i] = from
    counts[i] = taken
  }
  return { starts, counts, weights, stride }
}

/** Resamples the rows `first` up to `last`, which become rows 0 and up of the result. */
function resampleAcross({ data, width }: Pixels, across: Coefficients, { first, last }: { first: number; last: number }): Pixels {
  const { starts, counts, weights, stride } = across
  const columns = starts.length
  const out = new Uint8ClampedArray((last - first) * columns * 3)
  for (let y = first, to = 0; y < last; y++) {
    for (let x = 0; x < columns; x++, to += 3) {
      let red = 1 << (PRECISION - 1)
      let green = red
      let blue = red
      let at = (y * width + starts[x]!) * 3
      const end = x * stride + counts[x]!
      for (let k = x * stride; k < end; k++, at += 3) {
        const weight = weights[k]!
        red = (red + Math.imul(data[at]!, weight)) | 0
        green = (green + Math.imul(data[at + 1]!, weight)) | 0
        blue = (blue + Math.imul(data[at + 2]!, weight)) | 0
      }
      out[to] = red >> PRECISION
      out[to + 1] = green >> PRECISION
      out[to + 2] = blue >> PRECISION
    }
  }
  return { data: new Uint8Array(out.buffer), width: columns, height: last - first }
}

/** Resamples down; row 0 of the source is row `first` of the coefficients. */
function resampleDown({ data, width }: Pixels, down: Coefficients, first: number): Pixels {
  const { starts, counts, weights, stride } = down
  const lines = starts.length
  const row = width * 3
  const out = new Uint8ClampedArray(lines * row)
  for (let y = 0; y < lines; y++) {
    const start = (starts[y]! - first) * row
    const begin = y * stride
    const end = begin + counts[y]!
    for (let i = 0; i < row; i++) {
      let sum = 1 << (PRECISION - 1)
      for (let k = begin, at = start + i; k < end; k++, at += row) sum = (sum + Math.imul(data[at]!, weights[k]!)) | 0
      out[y * row + i] = sum >> PRECISION
    }
  }
  return { data: new Uint8Array(out.buffer), width, height: lines }
}

function hamming(x: number): number {
  const distance = Math.abs(x)
  if (distance === 0) return 1
  if (distance >= 1) return 0
  const angle = distance * Math.PI
  return (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle))
}

/** Keys's cubic with a = −0.5. */
function bicubic(x: number): number {
  const a = -0.5
  const d = Math.abs(x)
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a
  return 0
}
