/** @file Which TIFF files libvips reads without an error, but as other colours than they have; and the one fault of others that Pillow forgives. */

/** Tags of a picture's directory. */
const COMPRESSION = 259
const PHOTOMETRIC = 262
const ORIENTATION = 274
const BITS = 258
const PALETTE = 320
const EXTRA = 338
const SAMPLE_FORMAT = 339
const READ = [BITS, COMPRESSION, PHOTOMETRIC, PALETTE, SAMPLE_FORMAT]

/** Kinds of numbers. */
const SHORT = 3
const LONG = 4

/** Values of those tags. */
const WHITE_IS_ZERO = 0
const BY_PALETTE = 3
const YCBCR = 6
const LAB = 8
const BY_ALPHA = 1
const JPEG = 7

/** Why the first picture of a TIFF cannot be read, or undefined. */
export function tiffRefusal(bytes: Uint8Array): string | undefined {
  const tags = firstTags(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if ([...tags.values()].some(Number.isNaN)) return 'the file is truncated'
  // Their numbers would pass for greys.
  if (tags.get(PHOTOMETRIC) === BY_PALETTE && !tags.has(PALETTE)) return 'it has no palette'
  // libvips takes the three values for red, green and blue unless libjpeg converts them.
  if (tags.get(PHOTOMETRIC) === YCBCR && tags.get(COMPRESSION) !== JPEG)
    return 'its colours are YCbCr without JPEG, expected RGB, grey or CMYK'
  if (tags.get(PHOTOMETRIC) === LAB) return 'its colours are Lab, expected RGB, grey or CMYK'
  const bits = tags.get(BITS) ?? 1
  if (bits > 8 && bits % 8 !== 0) return `its colours have ${bits} bits, expected 1, 2, 4, 8 or 16`
  // Pillow does not turn these numbers over, libvips does.
  if (tags.get(PHOTOMETRIC) === WHITE_IS_ZERO && tags.get(BITS) === 16)
    return 'it is 16-bit grey in which 0 is white, expected 0 to be black'
  return undefined
}

/** The bits of colours that are multiplied by the alpha beside them; undefined where they are not. */
export function premultipliedBits(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [extra, bits] = [EXTRA, BITS].map((tag) => entriesOf(view, [tag])[0])
  if (!extra || !bits || numberAt(view, extra.at, extra.layout) !== BY_ALPHA) return undefined
  return numberAt(view, bits.at, bits.layout)
}

/** The turn of the first picture, or undefined. EXIF data are such a file without pixels. */
export function turnOf(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [entry] = entriesOf(view, [ORIENTATION])
  return entry && numberAt(view, entry.at, entry.layout)
}

/** The same bytes, or a copy in which the first picture is upright where its turn is none of the eight: libtiff refuses such a file. */
export function withUsualTurn(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [entry] = entriesOf(view, [ORIENTATION])
  if (!entry) return bytes
  const { at, layout } = entry
  const isOneShort = view.getUint16(at + 2, layout.isLittle) === SHORT && countAt(view, at, layout) === 1
  const turn = numberAt(view, at, layout)
  if (!isOneShort || (turn >= 1 && turn <= 8)) return bytes
  const changed = Uint8Array.from(bytes)
  new DataView(changed.buffer).setUint16(at + layout.value, 1, layout.isLittle)
  return changed
}

/** The numbers of those tags, the first where a tag has several, NaN where one lies behind the file's end. */
function firstTags(view: DataView): ReadonlyMap<number, number> {
  return new Map(entriesOf(view, READ).map(({ tag, at, layout }) => [tag, numberAt(view, at, layout)]))
}

interface Entry {
  readonly tag: number
  /** Where it begins. */
  readonly at: number
  readonly layout: Layout
}

/** The entries of the first directory with these tags; none where it lies behind the file's end, which is left to libvips. */
function entriesOf(view: DataView, tags: readonly number[]): Entry[] {
  const isLittle = view.byteLength > 4 && view.getUint8(0) === 0x49
  const isBig = view.byteLength >= 16 && view.getUint16(2, isLittle) === 43
  const begin = isBig ? offsetAt(view, 8, isLittle) : view.byteLength >= 8 ? view.getUint32(4, isLittle) : Infinity
  const [head, entry, value] = isBig ? [8, 20, 12] : [2, 12, 8]
  const layout = { isLittle, isBig, value }
  const found: Entry[] = []
  if (begin + head > view.byteLength) return found
  const count = isBig ? offsetAt(view, begin, isLittle) : view.getUint16(begin, isLittle)
  for (let i = 0, at = begin + head; i < count && at + entry <= view.byteLength; i++, at += entry) {
    const tag = view.getUint16(at, isLittle)
    if (tags.includes(tag)) found.push({ tag, at, layout })
  }
  return found
}

interface Layout {
  readonly isLittle: boolean
  readonly isBig: boolean
  /** Where an entry has its value, or the place of its values where they need more room. */
  readonly value: number
}

/** The first number of the entry at `at`: 32 bits of kind LONG, else 16. */
function numberAt(view: DataView, at: number, layout: Layout): number {
  const { isLittle, isBig, value } = layout
  const isLong = view.getUint16(at + 2, isLittle) === LONG
  const size = countAt(view, at, layout) * (isLong ? 4 : 2)
  const isHere = size <= (isBig ? 8 : 4)
  const place = isHere ? at + value : isBig ? offsetAt(view, at + value, isLittle) : view.getUint32(at + value, isLittle)
  if (!isHere && place + size > view.byteLength) return NaN
  return isLong ? view.getUint32(place, isLittle) : view.getUint16(place, isLittle)
}

function countAt(view: DataView, at: number, { isLittle, isBig }: Layout): number {
  return isBig ? offsetAt(view, at + 4, isLittle) : view.getUint32(at + 4, isLittle)
}

function offsetAt(view: DataView, at: number, isLittle: boolean): number {
  return Number(view.getBigUint64(at, isLittle))
}
