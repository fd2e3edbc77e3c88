/** @file Keras's affine transform of pictures (TensorFlow's ImageProjectiveTransformV3): where each pixel of the result is read from. */
import { RootstockError } from '../../errors.ts'
import { showShape } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'

/** What lies outside the picture: (d c b a | a b c d | d c b a), the edge again, the other side again, or one value. */
export type FillMode = 'reflect' | 'nearest' | 'wrap' | 'constant'

/** Every valid `fillMode`. */
export const FILL_MODES: readonly FillMode[] = ['reflect', 'nearest', 'wrap', 'constant']

/** Every valid `interpolation`. */
export const AFFINE_INTERPOLATIONS = ['bilinear', 'nearest'] as const

/** How pixels between and beyond those of the picture are found. */
export interface FillOptions {
  /** Default 'reflect'. */
  readonly fillMode?: FillMode
  /** The value outside for 'constant'; default 0. */
  readonly fillValue?: number
  /** Default 'bilinear'. */
  readonly interpolation?: 'bilinear' | 'nearest'
}

/** Pixel (x, y) of the result is read at (a0·x + a1·y + a2, b0·x + b1·y + b2). */
export type Affine = readonly [a0: number, a1: number, a2: number, b0: number, b1: number, b2: number]

/** A turn by `degrees` about the centre, counter-clockwise where positive (Keras RandomRotation). */
export function rotation(degrees: number, height: number, width: number): Affine {
  const angle = f(f(degrees) * f(Math.PI / 180))
  const [cos, sin] = [f(Math.cos(angle)), f(Math.sin(angle))]
  const [cx, cy] = [0.5 * (width - 1), 0.5 * (height - 1)]
  return [cos, -sin, f(f(cx - f(cx * cos)) - f(cy * -sin)), sin, cos, f(f(cy - f(cx * sin)) - f(cy * cos))]
}

/** The picture `heightZoom` and `widthZoom` times as small about its centre: above 1 zooms out (Keras RandomZoom). */
export function zoom(heightZoom: number, widthZoom: number, [height, width]: readonly [number, number]): Affine {
  return [f(widthZoom), 0, f(((width - 1) / 2) * f(1 - f(widthZoom))), 0, f(heightZoom), f(((height - 1) / 2) * f(1 - f(heightZoom)))]
}

/** A shift by pixels, right and down where positive (Keras RandomTranslation). */
export function translation(right: number, down: number): Affine {
  return [1, 0, -f(right), 0, 1, -f(down)]
}

/** Rows shifted by `x` times their number, columns by `y` times theirs (Keras RandomShear). */
export function shear(x: number, y: number): Affine {
  return [1, f(x), 0, f(y), 1, 0]
}

/** The picture [height, width, channels] read through `affine`; the result is `size` large, which defaults to the picture's own. */
export function transform(
  picture: Tensor<'float32'>,
  affine: Affine,
  { fillMode = 'reflect', fillValue = 0, interpolation = 'bilinear' }: FillOptions = {},
  size?: readonly [number, number],
): Tensor<'float32'> {
  const [height, width, channels] = sizesOf(picture)
  const [lines, columns] = size ?? [height, width]
  const place = PLACES[fillMode]
  const [a0, a1, a2, b0, b1, b2] = affine.map(f) as [number, number, number, number, number, number]
  const data = new Float32Array(lines * columns * channels)
  const source: Source = { data: picture.data, height, width, channels, fillValue }
  const read = interpolation === 'nearest' ? readNearest : readBilinear
  for (let y = 0, to = 0; y < lines; y++) {
    for (let x = 0; x < columns; x++, to += channels) {
      const fromX = place(f(f(f(a0 * x) + f(a1 * y)) + a2), width)
      const fromY = place(f(f(f(b0 * x) + f(b1 * y)) + b2), height)
      read(source, fromX, fromY, data.subarray(to, to + channels))
    }
  }
  return { data, shape: [lines, columns, channels], dtype: 'float32' }
}

/** Height, width and channels of one picture; code SHAPE for anything else. */
export function sizesOf({ shape }: Tensor): [height: number, width: number, channels: number] {
  if ((shape as unknown) === undefined) {
    throw new RootstockError('USAGE', 'Cannot transform: found a batch, expected one picture', {
      hint: 'Augmentations of one picture are no mix; give them as augmentation',
    })
  }
  const [height, width, channels, ...rest] = shape
  if (height !== undefined && width !== undefined && channels !== undefined && rest.length === 0) return [height, width, channels]
  throw new RootstockError(
    'SHAPE',
    `Cannot transform a tensor of shape ${showShape(shape)}: expected one picture [height, width, channels]`,
  )
}

const f = Math.fround

interface Source {
  readonly data: Float32Array
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly fillValue: number
}

/** TensorFlow's MapCoordinate for each fill mode, in its float32 steps. */
const PLACES: Readonly<Record<FillMode, (at: number, length: number) => number>> = {
  constant: (at) => at,
  nearest: (at, length) => Math.min(Math.max(at, 0), length - 1),
  reflect(at, length) {
    if (length <= 1 && (at < 0 || at > length - 1)) return 0
    const period = 2 * length
    let found = at
    if (at < 0) {
      found = f(period * Math.trunc(-at / period) + at)
      found = found < -length ? f(found + period) : f(-found - 1)
    } else if (at > length - 1) {
      found = f(at - period * Math.trunc(at / period))
      if (found >= length) found = f(period - found - 1)
    }
    return Math.min(Math.max(found, 0), length - 1)
  },
  wrap(at, length) {
    if (length <= 1 && (at < 0 || at > length - 1)) return 0
    const last = length - 1
    let found = at
    if (at < 0) found = f(at + length * (Math.trunc(-at / last) + 1))
    else if (at > last) found = f(at - length * Math.trunc(at / last))
    return Math.min(Math.max(found, 0), last)
  },
}

/** Halves are rounded away from zero, as C's `round` does. */
function readNearest(source: Source, x: number, y: number, out: Float32Array): void {
  const column = x < 0 ? -Math.round(-x) : Math.round(x)
  const line = y < 0 ? -Math.round(-y) : Math.round(y)
  for (let c = 0; c < out.length; c++) out[c] = valueAt(source, line, column, c)
}

function readBilinear(source: Source, x: number, y: number, out: Float32Array): void {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  const [right, below] = [x - left, y - top]
  const isInside = left >= 0 && top >= 0 && left + 1 < source.width && top + 1 < source.height
  const at = (top * source.width + left) * source.channels
  const next = source.width * source.channels
  for (let c = 0; c < out.length; c++) {
    const a = isInside ? source.data[at + c]! : valueAt(source, top, left, c)
    const b = isInside ? source.data[at + source.channels + c]! : valueAt(source, top, left + 1, c)
    const d = isInside ? source.data[at + next + c]! : valueAt(source, top + 1, left, c)
    const e = isInside ? source.data[at + next + source.channels + c]! : valueAt(source, top + 1, left + 1, c)
    out[c] = (1 - below) * ((1 - right) * a + right * b) + below * ((1 - right) * d + right * e)
  }
}

function valueAt({ data, height, width, channels, fillValue }: Source, y: number, x: number, c: number): number {
  return y >= 0 && y < height && x >= 0 && x < width ? data[(y * width + x) * channels + c]! : fillValue
}
