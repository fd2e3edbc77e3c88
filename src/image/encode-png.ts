/** @file Pictures as PNG files, which keep every pixel. */
import sharp from 'sharp'
import { checkPixels, type Pixels } from './pixels.ts'

/** A PNG file of 8-bit RGB. */
export async function encodePng(pixels: Pixels): Promise<Uint8Array> {
  checkPixels(pixels)
  const { data, width, height } = pixels
  const file = await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer()
  return new Uint8Array(file)
}
