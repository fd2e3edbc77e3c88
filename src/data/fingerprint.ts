/** @file What a picture looks like in 264 bytes: equal for a copy, a smaller copy and a copy with another compression. */
import { loadPixels, resize } from '../image/index.ts'

/** A picture's look and the size it was stored in. */
export interface Fingerprint {
  /** 64 signs of the picture's lowest frequencies, as two unsigned halves. */
  readonly high: number
  readonly low: number
  /** 16 × 16 grey values. */
  readonly grey: Uint8Array
  /** Width · height of the stored picture. */
  readonly pixels: number
  /** Length of the file. */
  readonly bytes: number
}

/**
 * Most of the 64 signs in which two copies may differ, and least correlation of their grey values.
 *
 * Measured by scripts/measure-duplicates.ts on 500 cats and dogs and 150 flowers: copies at JPEG quality 60, also at 50 % size, differ in at
 * most 4 signs with a correlation of at least 0.994 (at 25 % size: 6 and 0.988). Of the 210,925 pairs of photos, three are copies in the original
 * collections (at most 2 signs, 0.999); the nearest different ones lie at 8 signs and 0.954 (two roses) and 10 signs and 0.940 (two shots of
 * one tulip). 600 drawn animals and 800 CIFAR pictures: no pair nearer than 10 signs. Either measure alone would err: pictures of one layout
 * share signs, hazy ones correlate.
 */
export const NEAR = { signs: 8, correlation: 0.97 } as const

/** Below this deviation of its grey values a picture has no shape that could be compared. */
const FLAT = 2
const SIDE = 32
const GREY = 16
const VERSION = 'p1.'

/** The fingerprint of a picture file, camera's turn applied; code IMAGE where it cannot be decoded. */
export async function fingerprint(bytes: Uint8Array): Promise<Fingerprint> {
  const whole = await loadPixels(bytes)
  const { data } = resize(whole, [SIDE, SIDE], { interpolation: 'bilinear' })
  const small = Float64Array.from(
    { length: SIDE * SIDE },
    (_, i) => 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!,
  )
  const grey = halved(small)
  return { ...signsOf(small), grey, pixels: whole.width * whole.height, bytes: bytes.length }
}

/** Whether two fingerprints are of the same picture. Pictures of one colour are never called copies. */
export function isNear(a: Fingerprint, b: Fingerprint): boolean {
  return signDistance(a, b) <= NEAR.signs && correlation(a.grey, b.grey) >= NEAR.correlation
}

/** In how many of the 64 signs two fingerprints differ. */
export function signDistance(a: Fingerprint, b: Fingerprint): number {
  return ones(a.high ^ b.high) + ones(a.low ^ b.low)
}

/** The fingerprint as a line of text, for a `HashCache`. */
export function encodeFingerprint({ high, low, grey, pixels, bytes }: Fingerprint): string {
  const out = Buffer.alloc(16 + grey.length)
  for (const [place, value] of [high, low, pixels, bytes].entries()) out.writeUInt32LE(value >>> 0, place * 4)
  out.set(grey, 16)
  return VERSION + out.toString('base64')
}

/** What `encodeFingerprint` wrote; undefined for anything else, such as the text of another version. */
export function decodeFingerprint(text: string): Fingerprint | undefined {
  const stored = text.startsWith(VERSION) ? Buffer.from(text.slice(VERSION.length), 'base64') : Buffer.alloc(0)
  if (stored.length !== 16 + GREY * GREY) return undefined
  const [high = 0, low = 0, pixels = 0, bytes = 0] = [0, 4, 8, 12].map((at) => stored.readUInt32LE(at))
  return { high, low, grey: new Uint8Array(stored.subarray(16)), pixels, bytes }
}

/** The signs of the 8 × 8 lowest frequencies of the cosine transform against their median; the means of rows and columns are left out. */
function signsOf(small: Float64Array): { high: number; low: number } {
  const values: number[] = []
  const rows = new Float64Array(SIDE * 8)
  for (let y = 0; y < SIDE; y++) {
    for (let u = 0; u < 8; u++) for (let x = 0; x < SIDE; x++) rows[y * 8 + u]! += small[y * SIDE + x]! * WAVES[u]![x]!
  }
  for (let v = 0; v < 8; v++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0
      for (let y = 0; y < SIDE; y++) sum += rows[y * 8 + u]! * WAVES[v]![y]!
      values.push(sum)
    }
  }
  const median = [...values].sort((a, b) => a - b)[32]!
  const bits = (from: number): number =>
    values.slice(from, from + 32).reduce((word, value) => ((word << 1) | Number(value >= median)) >>> 0, 0)
  return { high: bits(0), low: bits(32) }
}

const WAVES = Array.from({ length: 8 }, (_, u) =>
  Array.from({ length: SIDE }, (_, x) => Math.cos(((2 * x + 1) * (u + 1) * Math.PI) / (2 * SIDE))),
)

/** Means of 2 × 2 values, rounded. */
function halved(small: Float64Array): Uint8Array {
  return Uint8Array.from({ length: GREY * GREY }, (_, i) => {
    const at = Math.floor(i / GREY) * 2 * SIDE + (i % GREY) * 2
    return Math.round((small[at]! + small[at + 1]! + small[at + SIDE]! + small[at + SIDE + 1]!) / 4)
  })
}

/** Pearson's correlation of two lists of grey values; 0 where one of them is flat. */
export function correlation(a: Uint8Array, b: Uint8Array): number {
  let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    sumA += a[i]!
    sumB += b[i]!
    squaresA += a[i]! * a[i]!
    squaresB += b[i]! * b[i]!
    products += a[i]! * b[i]!
  }
  const varianceA = squaresA / a.length - (sumA / a.length) ** 2
  const varianceB = squaresB / a.length - (sumB / a.length) ** 2
  if (Math.min(varianceA, varianceB) < FLAT * FLAT) return 0
  return (products / a.length - (sumA * sumB) / a.length ** 2) / Math.sqrt(varianceA * varianceB)
}

function ones(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555)
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
