/** @file The one form in which pictures travel inside the package: 8-bit RGB, row by row. */
import { RootstockError } from '../errors.ts'

/** A picture: `data` holds height · width · 3 bytes, red first, rows from the top. */
export interface Pixels {
  /** Three bytes for each pixel, red first, line by line. */
  readonly data: Uint8Array
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
}

/** Code USAGE for what is no picture of this form, such as a tensor. */
export function checkPixels(found: Pixels): void {
  const { data, width, height } = (found ?? {}) as Partial<Pixels>
  const sides = [width, height].every((side) => Number.isInteger(side) && Number(side) >= 1)
  if (data instanceof Uint8Array && sides && data.length === 3 * Number(width) * Number(height)) return
  const shown = data instanceof Uint8Array ? `${data.length} bytes for ${width} × ${height} pixels` : 'something else'
  throw new RootstockError(
    'USAGE',
    `Cannot use the picture: found ${shown}, expected { data, width, height } with 3 bytes for each pixel`,
    {
      hint: 'loadPixels gives such a picture; load gives a tensor, and takes targetSize',
    },
  )
}

/** A grey copy by Pillow's weights (ITU-R 601-2 in 16-bit fixed point); the three channels are equal. */
export function toGrey({ data, width, height }: Pixels): Pixels {
  const grey = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i += 3) {
    const luma = (data[i]! * 19595 + data[i + 1]! * 38470 + data[i + 2]! * 7471 + 0x8000) >> 16
    grey[i] = luma
    grey[i + 1] = luma
    grey[i + 2] = luma
  }
  return { data: grey, width, height }
}
