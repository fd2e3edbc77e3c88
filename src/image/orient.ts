/** @file The eight turns and mirrorings that cameras note in EXIF instead of turning the picture. */
import type { Pixels } from './pixels.ts'

/** Where the first pixel of the result lies in the source, and where it goes from there along a row and down a column. */
interface Walk {
  /** Whether width and height change places. */
  readonly swaps: boolean
  /** The source column runs backwards. */
  readonly flipsX: boolean
  /** The source row runs backwards. */
  readonly flipsY: boolean
}

const WALKS: Readonly<Record<number, Walk>> = {
  2: { swaps: false, flipsX: true, flipsY: false },
  3: { swaps: false, flipsX: true, flipsY: true },
  4: { swaps: false, flipsX: false, flipsY: true },
  5: { swaps: true, flipsX: false, flipsY: false },
  6: { swaps: true, flipsX: false, flipsY: true },
  7: { swaps: true, flipsX: true, flipsY: true },
  8: { swaps: true, flipsX: true, flipsY: false },
}

/** Applies EXIF orientation 1 to 8, as Pillow's `ImageOps.exif_transpose`; any other value leaves the picture as it is. */
export function orient(pixels: Pixels, orientation: number): Pixels {
  const walk = WALKS[orientation]
  if (!walk) return pixels
  const { data, width, height } = pixels
  const columns = walk.swaps ? height : width
  const lines = walk.swaps ? width : height
  const stepX = walk.flipsX ? -3 : 3
  const stepY = (walk.flipsY ? -3 : 3) * width
  const start = (walk.flipsX ? (width - 1) * 3 : 0) + (walk.flipsY ? (height - 1) * width * 3 : 0)
  const along = walk.swaps ? stepY : stepX
  const down = walk.swaps ? stepX : stepY
  const out = new Uint8Array(data.length)
  for (let y = 0, to = 0; y < lines; y++) {
    for (let x = 0, from = start + y * down; x < columns; x++, from += along, to += 3) {
      out[to] = data[from]!
      out[to + 1] = data[from + 1]!
      out[to + 2] = data[from + 2]!
    }
  }
  return { data: out, width: columns, height: lines }
}
