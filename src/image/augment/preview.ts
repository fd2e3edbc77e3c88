/** @file The pictures of a contact sheet that shows what an augmentation does to one photo. */
import { createHash } from 'node:crypto'
import { refuseUnknown } from '../../errors.ts'
import { fileHash } from '../../files/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { load } from '../load.ts'
import type { Pixels } from '../pixels.ts'
import type { Interpolation } from '../resize.ts'
import { sizesOf } from './affine.ts'
import type { Augmentation } from './augmentation.ts'
import { applyView, viewsOf } from './views.ts'

/** Settings of `augmentPreview`. */
export interface PreviewOptions {
  /** Views beside the untouched photo; default 15. */
  readonly views?: number
  /** The training's seed; default 0. */
  readonly seed?: number
  /** Height and width in pixels; default [224, 224]. */
  readonly size?: readonly [number, number]
  /** Height and width before the change, where it crops; default: `size`. */
  readonly readSize?: readonly [number, number]
  /** Default 'bilinear'. */
  readonly interpolation?: Interpolation
}

/**
 * The photo itself (a path or its bytes), then its views, exactly as a training with the same seed and size sees them. Code IMAGE where it
 * cannot be read.
 */
export async function augmentPreview(
  source: string | Uint8Array,
  augmentation: Augmentation,
  options: PreviewOptions = {},
): Promise<Pixels[]> {
  refuseUnknown('augmentPreview', options, { views: true, seed: true, size: true, readSize: true, interpolation: true })
  const { views = 15, seed = 0, size = [224, 224], readSize = size, interpolation = 'bilinear' } = options
  const photo = await load(source, { targetSize: readSize, interpolation })
  const hash = typeof source === 'string' ? await fileHash(source, 'sha256') : createHash('sha256').update(source).digest('hex')
  return [toPixels(photo), ...viewsOf(augmentation, { seed, views }).map((view) => toPixels(applyView(photo, view, hash)))]
}

/** Values 0 to 255 as bytes, rounded. */
function toPixels(picture: Tensor<'float32'>): Pixels {
  const [height, width] = sizesOf(picture)
  return { data: new Uint8Array(Uint8ClampedArray.from(picture.data).buffer), width, height }
}
