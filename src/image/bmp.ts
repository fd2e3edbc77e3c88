/** @file A strict reader of uncompressed BMP pictures, which the prebuilt libvips cannot read. */
import type { RootstockError } from '../errors.ts'
import type { Pixels } from './pixels.ts'
import { unreadable } from './read.ts'

interface Header {
  readonly width: number
  readonly height: number
  readonly isTopDown: boolean
  readonly bits: number
  /** Where the pixels begin. */
  readonly offset: number
  /** Where the palette begins, and its number of colours of `entry` bytes each. */
  readonly palette: number
  readonly colours: number
  readonly entry: number
}

/** Bytes before the header that tells the size of the picture. */
const FILE_HEADER = 14

/** The pixels of a BMP file of 1, 4, 8, 24 or 32 bits without compression; the fourth byte of 32-bit pictures is ignored, as Pillow does. */
export function decodeBmp(bytes: Uint8Array, name: string, maxPixels: number): Pixels {
  const refuse = (reason: string): RootstockError => unreadable(name, reason)
  if (bytes.length < FILE_HEADER + 12) throw refuse('the file is truncated')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = readHeader(view, refuse)
  const { width, height } = header
  if (width < 1 || height < 1) throw refuse(`its size is ${width} × ${height}, expected at least 1 × 1`)
  if (width * height > maxPixels) throw refuse(`it has more than ${maxPixels / 1e6} million pixels`)
  const stride = Math.floor((width * header.bits + 31) / 32) * 4
  if (header.palette + header.colours * header.entry > bytes.length || header.offset + stride * height > bytes.length) {
    throw refuse('the file is truncated')
  }
  const data = new Uint8Array(width * height * 3)
  const copyRow = header.bits <= 8 ? copyIndexed : copyDirect
  for (let y = 0; y < height; y++) {
    const from = header.offset + stride * (header.isTopDown ? y : height - 1 - y)
    copyRow(header, bytes, { from, data, to: y * width * 3 })
  }
  return { data, width, height }
}

/** The two families of headers: OS/2 1.x with 12 bytes, and Windows' with 40 and more. */
function readHeader(view: DataView, refuse: (reason: string) => RootstockError): Header {
  const offset = view.getUint32(10, true)
  const size = view.getUint32(FILE_HEADER, true)
  const isOld = size === 12
  if (!isOld && ![40, 52, 56, 64, 108, 124].includes(size))
    throw refuse(`its BMP header has ${size} bytes, expected 12, 40, 52, 56, 64, 108 or 124`)
  if (view.byteLength < FILE_HEADER + size) throw refuse('the file is truncated')
  const bits = view.getUint16(isOld ? 24 : 28, true)
  if (![1, 4, 8, 24, 32].includes(bits)) throw refuse(`it has ${bits} bits per pixel, expected 1, 4, 8, 24 or 32`)
  const palette = FILE_HEADER + size
  if (isOld) {
    const [width, height] = [view.getUint16(18, true), view.getUint16(20, true)]
    return { width, height, isTopDown: false, bits, offset, palette, colours: bits <= 8 ? 1 << bits : 0, entry: 3 }
  }
  const compression = view.getUint32(30, true)
  const isPlain = compression === 0 || (compression === 3 && bits === 32 && hasUsualMasks(view))
  if (!isPlain) throw refuse(`its BMP compression is of kind ${compression}, expected none`)
  const height = view.getInt32(22, true)
  const named = view.getUint32(46, true)
  if (bits <= 8 && named > 256) throw refuse(`its palette has ${named} colours, expected at most 256`)
  const colours = bits <= 8 ? named || 1 << bits : 0
  return { width: view.getInt32(18, true), height: Math.abs(height), isTopDown: height < 0, bits, offset, palette, colours, entry: 4 }
}

/** Bit fields in the order blue, green, red: what "no compression" means too. */
function hasUsualMasks(view: DataView): boolean {
  return view.byteLength >= 66 && [0xff0000, 0xff00, 0xff].every((mask, i) => view.getUint32(54 + 4 * i, true) === mask)
}

interface Row {
  readonly from: number
  readonly data: Uint8Array
  readonly to: number
}

function copyDirect({ width, bits }: Header, bytes: Uint8Array, { from, data, to }: Row): void {
  for (let x = 0, at = from, out = to; x < width; x++, at += bits >> 3, out += 3) {
    data[out] = bytes[at + 2]!
    data[out + 1] = bytes[at + 1]!
    data[out + 2] = bytes[at]!
  }
}

/** Pixels that name a colour beyond the palette become black. */
function copyIndexed({ width, bits, palette, colours, entry }: Header, bytes: Uint8Array, { from, data, to }: Row): void {
  const mask = (1 << bits) - 1
  for (let x = 0, out = to; x < width; x++, out += 3) {
    const bit = x * bits
    const index = (bytes[from + (bit >> 3)]! >> (8 - bits - (bit & 7))) & mask
    if (index >= colours) continue
    const at = palette + index * entry
    data[out] = bytes[at + 2]!
    data[out + 1] = bytes[at + 1]!
    data[out + 2] = bytes[at]!
  }
}
