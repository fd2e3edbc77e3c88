/** @file The EXIF turn of a PNG. libvips looks for it in front of the pixels only; it may stand behind them, and Pillow finds it there. */
import { turnOf } from './tiff-kind.ts'

const SIGNATURE = 8

/** EXIF's number for the turn, 1 to 8, or undefined where the picture has none. */
export function pngTurn(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = SIGNATURE; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const data = at + 8
    if (String.fromCharCode(...bytes.subarray(at + 4, data)) !== 'eXIf') continue
    const turn = turnOf(bytes.subarray(data, data + view.getUint32(at))) ?? 0
    return turn >= 1 && turn <= 8 ? turn : undefined
  }
  return undefined
}
