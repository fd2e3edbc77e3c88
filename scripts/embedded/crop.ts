/** @file Crops of the material: where they lie follows from their number alone, so that teacher and student see the same. */
import { random } from '../../src/tensor/index.ts'

/** A part of a square picture, in pixels; edges may lie between two of them. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** The crop of that number: between `leastArea` and all of the picture, a little stretched. */
export function cropBox(name: string, number: number, { side, leastArea }: { side: number; leastArea: number }): Box {
  const rng = random(`${name}/${number}`)
  const area = side * side * (leastArea + (1 - leastArea) * rng.uniform())
  const aspect = Math.exp((rng.uniform() * 2 - 1) * Math.log(1.25))
  const width = Math.min(side, Math.sqrt(area * aspect))
  const height = Math.min(side, Math.sqrt(area / aspect))
  return { left: rng.uniform() * (side - width), top: rng.uniform() * (side - height), width, height }
}

/** The picture that a crop is of: neighbouring numbers are far apart, so that the first crops show pictures of all classes. */
export function pictureOf(number: number, pictures: number): number {
  return (number * 7919) % pictures
}

interface Target {
  readonly size: number
  /** Mirrors left and right. */
  readonly flip: boolean
  /** Where the first number goes. */
  readonly offset: number
}

/** Writes a crop, resized bilinearly to size×size, as numbers from −1 to 1. `at` is where the picture begins in `pixels`. */
export function writeCrop(into: Float32Array, pixels: Uint8Array, at: number, crop: { box: Box; side: number; target: Target }): void {
  const { box, side, target } = crop
  const { size, flip, offset } = target
  const columns = taps(box.left, box.width, { side, size })
  const rows = taps(box.top, box.height, { side, size })
  for (let y = 0; y < size; y++) {
    const upper = at + rows.first[y]! * side * 3
    const lower = at + rows.second[y]! * side * 3
    const down = rows.share[y]!
    for (let x = 0; x < size; x++) {
      const left = columns.first[x]! * 3
      const right = columns.second[x]! * 3
      const across = columns.share[x]!
      const to = offset + (y * size + (flip ? size - 1 - x : x)) * 3
      for (let c = 0; c < 3; c++) {
        const above = pixels[upper + left + c]! * (1 - across) + pixels[upper + right + c]! * across
        const below = pixels[lower + left + c]! * (1 - across) + pixels[lower + right + c]! * across
        into[to + c] = (above * (1 - down) + below * down) / 127.5 - 1
      }
    }
  }
}

interface Taps {
  readonly first: Int32Array
  readonly second: Int32Array
  readonly share: Float32Array
}

/** The two pixels between which each wanted one lies, and how near it is to the second. */
function taps(start: number, length: number, { side, size }: { side: number; size: number }): Taps {
  const first = new Int32Array(size)
  const second = new Int32Array(size)
  const share = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    const place = Math.max(0, Math.min(side - 1, start + ((i + 0.5) * length) / size - 0.5))
    const floor = Math.floor(place)
    first[i] = floor
    second[i] = Math.min(side - 1, floor + 1)
    share[i] = place - floor
  }
  return { first, second, share }
}
