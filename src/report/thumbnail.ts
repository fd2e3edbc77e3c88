/** @file A small JPEG inside an HTML page. */
import sharp from 'sharp'
import type { Pixels } from '../image/index.ts'

/** The picture fitted into a square of `side` pixels (default 112), as a data URL. */
export async function thumbnail({ data, width, height }: Pixels, side = 112): Promise<string> {
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: 'inside' })
    .jpeg({ quality: 80 })
    .toBuffer()
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`
}
