/** @file The messages of one HDF5 object header, in both of its forms (HDF5 File Format Specification 3.0, IV.A.1). */
import { readAddress, readBlock, refusal } from './h5-source.ts'
import type { ByteSource } from './h5-source.ts'

/** One message of an object header. */
export interface H5Message {
  readonly type: number
  /** Its body lies elsewhere in the file. */
  readonly shared: boolean
  readonly body: DataView
}

/** Numbers of the messages that Rootstock knows. */
export const MESSAGE = {
  dataspace: 1,
  linkInfo: 2,
  datatype: 3,
  link: 6,
  external: 7,
  layout: 8,
  filters: 11,
  attribute: 12,
  continuation: 16,
  symbolTable: 17,
  attributeInfo: 21,
} as const

const MOST_BLOCKS = 1024

/** All messages of the object at `address`. Throws WEIGHTS or a RangeError for a damaged header. */
export function readMessages(source: ByteSource, address: number): H5Message[] {
  const head = readBlock(source, address, 16)
  if (head.getUint32(0, true) === 0x5244484f) return collect(source, modernHead(source, address)) // "OHDR"
  if (head.getUint8(0) !== 1) throw new RangeError('no object header')
  return collect(source, { from: address + 16, length: head.getUint32(8, true), flags: undefined })
}

interface Head {
  readonly from: number
  readonly length: number
  /** Of a modern header; undefined for a classic one. */
  readonly flags: number | undefined
}

function modernHead(source: ByteSource, address: number): Head {
  const flags = readBlock(source, address, 6).getUint8(5)
  const at = address + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0)
  const width = 1 << (flags & 3)
  const size = readBlock(source, at, width)
  const length = Array.from({ length: width }, (_, i) => size.getUint8(i) * 256 ** i).reduce((sum, part) => sum + part, 0)
  return { from: at + width, length, flags }
}

function collect(source: ByteSource, head: Head): H5Message[] {
  const messages: H5Message[] = []
  const blocks = [{ from: head.from, length: head.length }]
  for (const { from, length } of blocks) {
    if (blocks.length > MOST_BLOCKS) throw refusal(source, 'one of its headers has too many parts')
    const view = readBlock(source, from, length)
    for (const message of head.flags === undefined ? classic(view) : modern(view, head.flags)) {
      messages.push(message)
      if (message.type !== MESSAGE.continuation) continue
      const [next, size] = [readAddress(message.body, 0), readAddress(message.body, 8)]
      // A modern block starts with "OCHK" and ends with a checksum.
      blocks.push(head.flags === undefined ? { from: next, length: size } : { from: next + 4, length: size - 8 })
    }
  }
  return messages
}

function* classic(view: DataView): Generator<H5Message> {
  for (let at = 0; at + 8 <= view.byteLength;) {
    const size = view.getUint16(at + 2, true)
    const body = new DataView(view.buffer, view.byteOffset + at + 8, size)
    yield { type: view.getUint16(at, true), shared: (view.getUint8(at + 4) & 2) !== 0, body }
    at += 8 + size
  }
}

function* modern(view: DataView, headerFlags: number): Generator<H5Message> {
  const head = headerFlags & 4 ? 6 : 4
  for (let at = 0; at + head <= view.byteLength;) {
    const size = view.getUint16(at + 1, true)
    const body = new DataView(view.buffer, view.byteOffset + at + head, size)
    yield { type: view.getUint8(at), shared: (view.getUint8(at + 3) & 2) !== 0, body }
    at += head + size
  }
}
