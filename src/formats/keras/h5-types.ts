/** @file What the messages of a dataset say: its shape, its element type, where its bytes lie, how they are compressed. */
import { readAddress } from './h5-source.ts'

/** The type of an element. Numbers are those that JavaScript knows; everything else is "other". */
export type H5Type = H5Number | { readonly kind: 'text' | 'longText' | 'other'; readonly bytes: number }

/** The element types that become numbers. */
export interface H5Number {
  readonly kind: 'float' | 'integer'
  readonly bytes: number
  readonly signed: boolean
  readonly littleEndian: boolean
}

/** Where the bytes of a dataset lie. An infinite address means that none was ever stored. */
export type H5Layout =
  | { readonly storage: 'compact'; readonly data: Uint8Array }
  | { readonly storage: 'contiguous'; readonly address: number }
  | { readonly storage: 'chunked'; readonly address: number; readonly chunk: readonly number[] }
  | { readonly storage: 'virtual' | 'unknown' }

/** Bits of IEEE 754: precision, place and size of the exponent, place and size of the mantissa, bias. */
const IEEE = new Map([
  [2, [16, 10, 5, 0, 10, 15]],
  [4, [32, 23, 8, 0, 23, 127]],
  [8, [64, 52, 11, 0, 52, 1023]],
])

/** Reads a dataspace message: sizes, outermost first; `[0]` for the null space. */
export function readShape(body: DataView): number[] {
  const version = body.getUint8(0)
  const rank = body.getUint8(1)
  if (version < 1 || version > 2 || rank > 32) throw new RangeError('unknown dataspace')
  if (version === 2 && body.getUint8(3) === 2) return [0]
  return Array.from({ length: rank }, (_, i) => readAddress(body, (version === 1 ? 8 : 4) + i * 8))
}

/** Reads a datatype message. */
export function readType(body: DataView): H5Type {
  const kind = body.getUint8(0) & 15
  const flags = body.getUint8(1)
  const bytes = body.getUint32(4, true)
  const littleEndian = (flags & 1) === 0
  if (kind === 3) return { kind: 'text', bytes }
  if (kind === 9 && (flags & 15) === 1 && bytes === 16) return { kind: 'longText', bytes }
  const plain = (kind === 0 || kind === 1) && body.getUint16(8, true) === 0 && body.getUint16(10, true) === bytes * 8
  if (plain && kind === 0 && [1, 2, 4, 8].includes(bytes)) return { kind: 'integer', bytes, signed: (flags & 8) !== 0, littleEndian }
  if (plain && kind === 1 && isIeee(body, bytes)) return { kind: 'float', bytes, signed: true, littleEndian }
  return { kind: 'other', bytes }
}

function isIeee(body: DataView, bytes: number): boolean {
  const flags = body.getUint8(1)
  const places = [12, 13, 14, 15].map((at) => body.getUint8(at))
  const found = [body.getUint16(10, true), ...places, body.getUint32(16, true)]
  const implied = (flags & 0x70) === 0x20 && body.getUint8(2) === bytes * 8 - 1
  return implied && (IEEE.get(bytes)?.every((value, i) => value === found[i]) ?? false)
}

/** Reads a data layout message of a dataset of `rank` axes. */
export function readLayout(body: DataView, rank: number): H5Layout {
  const version = body.getUint8(0)
  const storage = body.getUint8(1)
  if (version >= 4 && storage === 3) return { storage: 'virtual' }
  if (version < 3 || version > 4) return { storage: 'unknown' }
  if (storage === 0) {
    return { storage: 'compact', data: new Uint8Array(body.buffer, body.byteOffset + 4, body.getUint16(2, true)) }
  }
  if (storage === 1) return { storage: 'contiguous', address: readAddress(body, 2) }
  if (storage !== 2 || version !== 3 || body.getUint8(2) !== rank + 1) return { storage: 'unknown' }
  return {
    storage: 'chunked',
    address: readAddress(body, 3),
    chunk: Array.from({ length: rank }, (_, i) => body.getUint32(11 + i * 4, true)),
  }
}

/** Filters of the pipeline, in the order in which they were applied when writing. */
export function readFilters(body: DataView): { readonly id: number; readonly name: string }[] {
  const version = body.getUint8(0)
  let at = version === 1 ? 8 : 2
  return Array.from({ length: body.getUint8(1) }, () => {
    const id = body.getUint16(at, true)
    const named = version === 1 || id >= 256
    const length = named ? body.getUint16(at + 2, true) : 0
    const rest = at + (named ? 4 : 2)
    const values = body.getUint16(rest + 2, true)
    const name = readText(new Uint8Array(body.buffer, body.byteOffset + rest + 4, length))
    at = rest + 4 + length + values * 4 + (version === 1 && values % 2 === 1 ? 4 : 0)
    return { id, name }
  })
}

/** Text up to its first zero byte. */
export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}
