/** @file Augmentations that move pixels: flip, rotation, zoom, translation, shear and crop, with Keras's arguments. */
import { RootstockError, refuseUnknown, shownValue } from '../../errors.ts'
import type { Tensor } from '../../tensor/index.ts'
import { AFFINE_INTERPOLATIONS, FILL_MODES, rotation, shear, sizesOf, transform, translation, zoom } from './affine.ts'
import type { FillOptions } from './affine.ts'
import { augmentation, between, bounds, checkChoice, checkCount } from './augmentation.ts'
import type { Augmentation, Factor } from './augmentation.ts'

/** Which axes `randomFlip` turns over. */
export type FlipMode = 'horizontal' | 'vertical' | 'horizontal_and_vertical'

const FLIP_MODES: readonly FlipMode[] = ['horizontal', 'vertical', 'horizontal_and_vertical']

const FILL: Readonly<Record<keyof FillOptions, true>> = { fillMode: true, fillValue: true, interpolation: true }

/** Turns the picture over with probability one half; 'horizontal_and_vertical' (default) does both at once or neither, as Keras 3 does. */
export function randomFlip(options: { readonly mode?: FlipMode } = {}): Augmentation {
  refuseUnknown('randomFlip', options, { mode: true })
  const { mode = 'horizontal_and_vertical' } = options
  checkChoice('flip mode', mode, FLIP_MODES)
  return augmentation('randomFlip', { mode }, (picture, rng) => (rng.uniform() <= 0.5 ? flip(picture, mode) : picture))
}

/** Turns by a part of the full circle: `factor` 0.2 is −72 to 72 degrees, positive counter-clockwise. */
export function randomRotation(options: FillOptions & { readonly factor: Factor }): Augmentation {
  refuseUnknown('randomRotation', options, { ...FILL, factor: true })
  const { factor, ...fill } = options
  const range = bounds('factor', factor, [-1, 1])
  const filling = checkedFill(fill)
  return augmentation('randomRotation', { factor: range, ...filling }, (picture, rng) => {
    const [height, width] = sizesOf(picture)
    return transform(picture, rotation(between(rng, range) * 360, height, width), filling)
  })
}

/** Zooms by `heightFactor` and `widthFactor`: −0.3 is 30 % closer, 0.3 is 30 % further away. Without `widthFactor` both sides are zoomed alike. */
export function randomZoom(options: FillOptions & { readonly heightFactor: Factor; readonly widthFactor?: Factor }): Augmentation {
  refuseUnknown('randomZoom', options, { ...FILL, heightFactor: true, widthFactor: true })
  const { heightFactor, widthFactor, ...fill } = options
  const heightRange = bounds('heightFactor', heightFactor, ZOOMS)
  const widthRange = widthFactor === undefined ? null : bounds('widthFactor', widthFactor, ZOOMS)
  const filling = checkedFill(fill)
  return augmentation('randomZoom', { heightFactor: heightRange, widthFactor: widthRange, ...filling }, (picture, rng) => {
    const [height, width] = sizesOf(picture)
    const heightZoom = 1 + between(rng, heightRange)
    const widthZoom = widthRange ? 1 + between(rng, widthRange) : heightZoom
    return transform(picture, zoom(heightZoom, widthZoom, [height, width]), filling)
  })
}

/** Shifts by parts of the height (down where positive) and width (right where positive), each from −1 to 1. */
export function randomTranslation(options: FillOptions & { readonly heightFactor: Factor; readonly widthFactor: Factor }): Augmentation {
  refuseUnknown('randomTranslation', options, { ...FILL, heightFactor: true, widthFactor: true })
  const { heightFactor, widthFactor, ...fill } = options
  const down = bounds('heightFactor', heightFactor, [-1, 1])
  const right = bounds('widthFactor', widthFactor, [-1, 1])
  const filling = checkedFill(fill)
  return augmentation('randomTranslation', { heightFactor: down, widthFactor: right, ...filling }, (picture, rng) => {
    const [height, width] = sizesOf(picture)
    const shift = between(rng, down) * height
    return transform(picture, translation(between(rng, right) * width, shift), filling)
  })
}

/** Slants by `xFactor` and `yFactor`, each from 0 to 1, to either side. */
export function randomShear(options: FillOptions & { readonly xFactor?: Factor; readonly yFactor?: Factor } = {}): Augmentation {
  refuseUnknown('randomShear', options, { ...FILL, xFactor: true, yFactor: true })
  const { xFactor = 0, yFactor = 0, ...fill } = options
  const [across, down] = [slants('xFactor', xFactor), slants('yFactor', yFactor)]
  const filling = checkedFill(fill)
  return augmentation('randomShear', { xFactor: across, yFactor: down, ...filling }, (picture, rng) => {
    const side = rng.uniform() > 0.5 ? -1 : 1
    const y = between(rng, down) * side
    return transform(picture, shear(between(rng, across) * side, y), filling)
  })
}

/** A window of `height` × `width` pixels at a random place; a picture that is not larger on both sides is cropped in the middle and resized. */
export function randomCrop(options: { readonly height: number; readonly width: number }): Augmentation {
  refuseUnknown('randomCrop', options, { height: true, width: true })
  const { height, width } = options
  checkCount('height', height, 1)
  checkCount('width', width, 1)
  return augmentation('randomCrop', { height, width }, (picture, rng) => {
    const [lines, columns] = sizesOf(picture)
    if (lines > height && columns > width) {
      const top = rng.integer(lines - height + 1)
      return crop(picture, { top, left: rng.integer(columns - width + 1), height, width })
    }
    return cropMiddle(picture, height, width)
  })
}

/** The picture turned over. */
export function flip(picture: Tensor<'float32'>, mode: FlipMode): Tensor<'float32'> {
  const [height, width, channels] = sizesOf(picture)
  const data = new Float32Array(picture.data.length)
  for (let y = 0, to = 0; y < height; y++) {
    const line = mode === 'horizontal' ? y : height - 1 - y
    for (let x = 0; x < width; x++, to += channels) {
      const from = (line * width + (mode === 'vertical' ? x : width - 1 - x)) * channels
      for (let c = 0; c < channels; c++) data[to + c] = picture.data[from + c]!
    }
  }
  return { ...picture, data }
}

/** Part of a picture; what would lie beyond its edges is left out. */
export function crop(
  picture: Tensor<'float32'>,
  { top, left, height, width }: { readonly top: number; readonly left: number; readonly height: number; readonly width: number },
): Tensor<'float32'> {
  const [lines, columns, channels] = sizesOf(picture)
  const [rows, length] = [Math.min(height, lines - top), Math.min(width, columns - left)]
  const data = new Float32Array(rows * length * channels)
  for (let y = 0; y < rows; y++) {
    const from = ((top + y) * columns + left) * channels
    data.set(picture.data.subarray(from, from + length * channels), y * length * channels)
  }
  return { data, shape: [rows, length, channels], dtype: 'float32' }
}

/** What Keras's RandomCrop does with pictures that are too small: a window from where the middle one would begin, then a bilinear resize. */
export function cropMiddle(picture: Tensor<'float32'>, height: number, width: number): Tensor<'float32'> {
  const [lines, columns] = sizesOf(picture)
  const cropHeight = Math.max(Math.min(lines, Math.trunc((columns * height) / width)), 1)
  const cropWidth = Math.max(Math.min(columns, Math.trunc((lines * width) / height)), 1)
  const top = Math.trunc((lines - cropHeight) / 2)
  const left = Math.trunc((columns - cropWidth) / 2)
  const cut = crop(picture, { top, left, height, width })
  const [rows, length] = sizesOf(cut)
  if (rows === height && length === width) return cut
  const [scaleY, scaleX] = [rows / height, length / width]
  return transform(cut, [scaleX, 0, scaleX / 2 - 0.5, 0, scaleY, scaleY / 2 - 0.5], { fillMode: 'nearest' }, [height, width])
}

/** More than −1: nothing would be left of the picture. */
const ZOOMS = [-1 + 1e-6, 1] as const

function slants(name: string, factor: Factor): readonly [number, number] {
  bounds(name, factor, [0, 1])
  return typeof factor === 'number' ? [-factor, factor] : bounds(name, factor, [0, 1])
}

function checkedFill({ fillMode = 'reflect', fillValue = 0, interpolation = 'bilinear' }: FillOptions): Required<FillOptions> {
  checkChoice('fill mode', fillMode, FILL_MODES)
  checkChoice('interpolation', interpolation, AFFINE_INTERPOLATIONS)
  if (!Number.isFinite(fillValue))
    throw new RootstockError('USAGE', `Cannot augment: fillValue is ${shownValue(fillValue)}, expected a number`)
  return { fillMode, fillValue, interpolation }
}
