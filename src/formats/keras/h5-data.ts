/** @file Reads the numbers of one dataset, whole or in compressed chunks. */
import { inflateSync } from 'node:zlib'
import { leaves } from './h5-group.ts'
import { isNativeFloat32, toFloat32 } from './h5-number.ts'
import { readAddress, readBlock, withBudget } from './h5-source.ts'
import type { ByteSource } from './h5-source.ts'
import type { H5Layout, H5Number } from './h5-types.ts'

/** What a read needs to know of a dataset. */
export interface Stored {
  readonly shape: readonly number[]
  readonly type: H5Number
  readonly layout: H5Layout
  /** Numbers of the filters, in the order of writing. */
  readonly filters: readonly number[]
}

/** The three filters that HDF5 always has. */
export const FILTER = { gzip: 1, shuffle: 2, fletcher32: 3 } as const

const SLICE = 4 * 2 ** 20

/** Fills `into`, as long as the dataset, in C order; throws a RangeError where bytes are missing. */
export function readData(source: ByteSource, stored: Stored, into: Float32Array): void {
  const { layout, type } = stored
  if (into.length === 0) return
  if (layout.storage === 'compact') toFloat32(layout.data, type, into)
  else if (layout.storage === 'contiguous') readContiguous(source, layout.address, type, into)
  else if (layout.storage === 'chunked') readChunks(withBudget(source), stored, into)
  else throw new RangeError('unknown layout')
}

function readContiguous(source: ByteSource, address: number, type: H5Number, into: Float32Array): void {
  if (isNativeFloat32(type)) {
    fill(source, address, new Uint8Array(into.buffer, into.byteOffset, into.byteLength))
    return
  }
  const buffer = new Uint8Array(Math.min(SLICE, into.length * type.bytes))
  const step = buffer.length / type.bytes
  for (let at = 0; at < into.length; at += step) {
    const part = into.subarray(at, at + step)
    const bytes = buffer.subarray(0, part.length * type.bytes)
    fill(source, address + at * type.bytes, bytes)
    toFloat32(bytes, type, part)
  }
}

function fill(source: ByteSource, address: number, bytes: Uint8Array): void {
  if (source.read(bytes, address) !== bytes.length) throw new RangeError('bytes are missing')
}

function readChunks(source: ByteSource, { shape, type, layout, filters }: Stored, into: Float32Array): void {
  if (layout.storage !== 'chunked') return
  const { chunk } = layout
  const length = chunk.reduce((product, size) => product * size, 1)
  const values = new Float32Array(length)
  const expected = shape.reduce((product, size, axis) => product * Math.ceil(size / (chunk[axis] ?? 1)), 1)
  const seen = new Set<number>()
  for (const { key, address } of leaves(source, layout.address, { type: 1, keyBytes: 8 + (shape.length + 1) * 8 })) {
    const offset = shape.map((_, axis) => readAddress(key, 8 + axis * 8))
    const place = placeOf(offset, shape, chunk)
    if (key.getUint32(4, true) !== 0 || seen.has(place)) throw new RangeError('a chunk is stored twice or without its filters')
    seen.add(place)
    const stored = readBlock(source, address, key.getUint32(0, true))
    toFloat32(unfilter(new Uint8Array(stored.buffer), filters, { bytes: length * type.bytes, width: type.bytes }), type, values)
    copyChunk(values, { offset, chunk, shape }, into)
  }
  if (seen.size !== expected) throw new RangeError(`${seen.size} of ${expected} chunks were written`)
}

/** The number of a chunk in C order; its offset must be a multiple of the chunk's sizes and inside the dataset. */
function placeOf(offset: readonly number[], shape: readonly number[], chunk: readonly number[]): number {
  return offset.reduce((place, start, axis) => {
    const [size, step] = [shape[axis] ?? 0, chunk[axis] ?? 0]
    if (start % step !== 0 || start >= size) throw new RangeError('a chunk lies outside its dataset')
    return place * Math.ceil(size / step) + start / step
  }, 0)
}

function unfilter(stored: Uint8Array, filters: readonly number[], { bytes, width }: { bytes: number; width: number }): Uint8Array {
  const plain = filters.reduceRight<Uint8Array>((data, filter) => {
    if (filter === FILTER.gzip) return inflateSync(data, { maxOutputLength: bytes + 4 })
    if (filter === FILTER.shuffle) return unshuffle(data, width)
    return checkFletcher32(data)
  }, stored)
  if (plain.length !== bytes) throw new RangeError('a chunk has the wrong length')
  return plain
}

/** Shuffled bytes lie sorted by their place within the element. */
function unshuffle(data: Uint8Array, width: number): Uint8Array {
  const count = Math.floor(data.length / width)
  const plain = Uint8Array.from(data)
  for (let place = 0; place < width; place++) {
    for (let i = 0; i < count; i++) plain[i * width + place] = data[place * count + i]!
  }
  return plain
}

/** Checks and removes the four bytes of Fletcher's sum over big-endian 16-bit words. */
function checkFletcher32(data: Uint8Array): Uint8Array {
  const length = data.length - 4
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  let [low, high] = [0, 0]
  for (let at = 0; at < length; at += 2) {
    low = (low + (view.getUint8(at) << 8) + (at + 1 < length ? view.getUint8(at + 1) : 0)) % 65535
    high = (high + low) % 65535
  }
  // 0 and 65535 are the same sum, so both sides are reduced.
  const stored = view.getUint32(length, true)
  if ((stored & 0xffff) % 65535 !== low || (stored >>> 16) % 65535 !== high) throw new RangeError('a checksum does not fit')
  return data.subarray(0, length)
}

interface Placement {
  readonly offset: readonly number[]
  readonly chunk: readonly number[]
  readonly shape: readonly number[]
}

/** Copies the part of a chunk that lies inside the dataset, row by row of the last axis. */
function copyChunk(values: Float32Array, { offset, chunk, shape }: Placement, into: Float32Array): void {
  const last = shape.length - 1
  const counts = shape.map((size, axis) => Math.min(chunk[axis] ?? 0, size - (offset[axis] ?? 0)))
  const rows = counts.slice(0, last).reduce((product, count) => product * count, 1)
  const width = counts[last] ?? 1
  for (let row = 0; row < rows; row++) {
    let [rest, from, to, fromStep, toStep] = [row, 0, offset[last] ?? 0, chunk[last] ?? 1, shape[last] ?? 1]
    for (let axis = last - 1; axis >= 0; axis--) {
      const index = rest % counts[axis]!
      rest = Math.floor(rest / counts[axis]!)
      from += index * fromStep
      to += (index + offset[axis]!) * toStep
      fromStep *= chunk[axis]!
      toStep *= shape[axis]!
    }
    into.set(values.subarray(from, from + width), to)
  }
}
