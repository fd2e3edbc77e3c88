/** @file Reads attributes: text of fixed and variable length, numbers, and lists of them. */
import { denseMessages, INDEX } from './h5-dense.ts'
import { MESSAGE } from './h5-messages.ts'
import type { H5Message } from './h5-messages.ts'
import { readNumber } from './h5-number.ts'
import { readAddress, readBlock, refusal, withBudget } from './h5-source.ts'
import type { ByteSource } from './h5-source.ts'
import { readShape, readText, readType } from './h5-types.ts'

/** The value of an attribute. */
export type H5Value = string | number | string[] | number[]

/** An attribute that was found, read when it is asked for. */
export type H5Attributes = ReadonlyMap<string, () => H5Value>

/** The attributes among the messages of an object, which are read from `file` later, each with a budget of its own. */
export function readAttributes(source: ByteSource, messages: readonly H5Message[], file: ByteSource): H5Attributes {
  return new Map(
    messages.flatMap(({ type, body }) => {
      if (type === MESSAGE.attribute) return [readAttribute(file, body)]
      return type === MESSAGE.attributeInfo ? fromDense(source, body, file) : []
    }),
  )
}

/** The attributes of an object with many of them, of which each is the message that an object with few has in its header. */
function fromDense(source: ByteSource, body: DataView, file: ByteSource): [string, () => H5Value][] {
  const at = 2 + (body.getUint8(1) & 1 ? 2 : 0)
  const [heap, index] = [readAddress(body, at), readAddress(body, at + 8)]
  if (heap === Infinity) return []
  return Array.from(denseMessages(source, { heap, index }, INDEX.attributes), (found) => {
    if (found.record.getUint8(8) & 2) throw new RangeError('unknown attribute')
    return readAttribute(file, found.body)
  })
}

function readAttribute(file: ByteSource, body: DataView): [string, () => H5Value] {
  const version = body.getUint8(0)
  const shared = version > 1 && body.getUint8(1) !== 0
  if (version < 1 || version > 3 || shared) throw new RangeError('unknown attribute')
  const pad = (bytes: number): number => (version === 1 ? Math.ceil(bytes / 8) * 8 : bytes)
  const [nameBytes, typeBytes, shapeBytes] = [2, 4, 6].map((at) => pad(body.getUint16(at, true))) as [number, number, number]
  const part = (at: number, length: number): DataView => new DataView(body.buffer, body.byteOffset + at, length)
  const at = version === 3 ? 9 : 8
  const name = readText(bytesOf(part(at, nameBytes)))
  const type = part(at + nameBytes, typeBytes)
  const shape = part(at + nameBytes + typeBytes, shapeBytes)
  const start = at + nameBytes + typeBytes + shapeBytes
  return [name, () => readValue(withBudget(file), { type, shape, data: part(start, body.byteLength - start) })]
}

function readValue(source: ByteSource, parts: { type: DataView; shape: DataView; data: DataView }): H5Value {
  const type = readType(parts.type)
  const shape = readShape(parts.shape)
  const count = shape.reduce((product, size) => product * size, 1)
  if (type.bytes < 1 || !(count * type.bytes <= parts.data.byteLength)) throw new RangeError('the attribute is cut off')
  const views = Array.from({ length: count }, (_, i) => new DataView(parts.data.buffer, parts.data.byteOffset + i * type.bytes, type.bytes))
  switch (type.kind) {
    case 'text':
      return listOrOne(
        views.map((view) => readText(bytesOf(view))),
        shape,
      )
    case 'longText':
      return listOrOne(readLongTexts(source, views), shape)
    case 'float':
    case 'integer':
      return listOrOne(
        views.map((view) => readNumber(view, 0, type)),
        shape,
      )
    case 'other':
      throw refusal(source, 'an attribute is neither text nor a number')
  }
}

function listOrOne<T extends string | number>(values: T[], shape: readonly number[]): T | T[] {
  const [first] = values
  return shape.length === 0 && first !== undefined ? first : values
}

/** Texts of variable length lie in global heaps; each element holds a length, the heap's address and the index of an object in it. */
function readLongTexts(source: ByteSource, views: readonly DataView[]): string[] {
  const heaps = new Map<number, Map<number, Uint8Array>>()
  let total = 0
  return views.map((view) => {
    const length = view.getUint32(0, true)
    const address = readAddress(view, 4)
    if (length === 0) return ''
    total += length
    // Texts do not share bytes in a sound file, so that together they are smaller than it.
    if (total > source.size) throw new RangeError('the texts are longer than the file')
    const heap = heaps.get(address) ?? readHeap(source, address)
    heaps.set(address, heap)
    const object = heap.get(view.getUint32(12, true))
    if (!object || object.length < length) throw new RangeError('the text is missing')
    return readText(object.subarray(0, length))
  })
}

function readHeap(source: ByteSource, address: number): Map<number, Uint8Array> {
  const head = readBlock(source, address, 16)
  if (head.getUint32(0, true) !== 0x4c4f4347) throw new RangeError('no global heap') // "GCOL"
  const view = readBlock(source, address, readAddress(head, 8))
  const objects = new Map<number, Uint8Array>()
  for (let at = 16; at + 16 <= view.byteLength;) {
    const index = view.getUint16(at, true)
    const size = readAddress(view, at + 8)
    if (index === 0) break // free space
    if (!(at + 16 + size <= view.byteLength)) throw new RangeError('the heap is cut off')
    objects.set(index, new Uint8Array(view.buffer, at + 16, size))
    at += 16 + Math.ceil(size / 8) * 8
  }
  return objects
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}
