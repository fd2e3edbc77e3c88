/**
 * @file Dense storage: where groups with names beyond ASCII, and objects with many attributes, keep their messages (HDF5 File Format
 * Specification 3.0, III.A.2 and III.G). An index (B-tree, version 2) lists places in a heap; at each lies the same message that a small
 * object keeps in its header, so that whoever reads it checks it in the same way.
 */
import { readAddress, readBlock } from './h5-source.ts'
import type { ByteSource } from './h5-source.ts'

/** The two indexes that are read, by name: their type in the file, the bytes of a record, and where the place begins in it. */
export const INDEX = {
  links: { type: 5, bytes: 11, place: 4, placeBytes: 7 },
  attributes: { type: 8, bytes: 17, place: 0, placeBytes: 8 },
} as const

type Index = (typeof INDEX)[keyof typeof INDEX]

const MOST_LEVELS = 12

/** The records of an index and, for each, the message at its place in the heap. Throws a RangeError for anything damaged. */
export function* denseMessages(
  source: ByteSource,
  at: { readonly heap: number; readonly index: number },
  index: Index,
): Generator<{ readonly record: DataView; readonly body: DataView }> {
  const heap = openHeap(source, at.heap)
  if (heap.placeBytes !== index.placeBytes) throw new RangeError('places in the heap have another length')
  // An index that comes to a node again and again would be long without being large.
  const seen = new Set<number>()
  for (const record of records(source, at.index, index)) {
    const body = readObject(source, heap, new DataView(record.buffer, record.byteOffset + index.place, index.placeBytes))
    if (seen.has(body.address)) throw new RangeError('a place in the heap is listed twice')
    seen.add(body.address)
    yield { record, body: body.view }
  }
}

/** A little-endian number of any width. */
function readLittle(view: DataView, at: number, width: number): number {
  return Array.from({ length: width }, (_, i) => view.getUint8(at + i) * 256 ** i).reduce((sum, part) => sum + part, 0)
}

/** Bytes that hold numbers up to `most`. */
const widthOf = (most: number): number => Math.floor(Math.log2(Math.max(1, most)) / 8) + 1

// The index.

interface Level {
  /** Most records in a node of this level, and in all below it. */
  readonly most: number
  readonly mostBelow: number
}

interface Tree {
  readonly index: Index
  readonly nodeBytes: number
  readonly levels: readonly Level[]
}

const NODE_HEAD = 6

function* records(source: ByteSource, address: number, index: Index): Generator<DataView> {
  const head = readBlock(source, address, 38)
  const sound = isMarked(head, 'BTHD') && head.getUint8(5) === index.type && head.getUint16(10, true) === index.bytes
  if (!sound) throw new RangeError('no index')
  const nodeBytes = head.getUint32(6, true)
  const depth = head.getUint16(12, true)
  if (depth > MOST_LEVELS) throw new RangeError('too many levels')
  const root = readAddress(head, 16)
  if (root === Infinity) return
  const tree = { index, nodeBytes, levels: levelsOf(nodeBytes, index.bytes, depth) }
  yield* node(source, tree, { address: root, count: head.getUint16(24, true), level: depth })
}

function levelsOf(nodeBytes: number, recordBytes: number, depth: number): Level[] {
  const most = Math.floor((nodeBytes - NODE_HEAD - 4) / recordBytes)
  const levels: Level[] = [{ most, mostBelow: most }]
  for (let level = 1; level <= depth; level++) {
    const pointer = pointerBytes(levels, level)
    const here = Math.floor((nodeBytes - NODE_HEAD - 4 - pointer.all) / (recordBytes + pointer.all))
    levels.push({ most: here, mostBelow: (here + 1) * (levels[level - 1]?.mostBelow ?? 0) + here })
  }
  return levels
}

/** How an inner node of a level points to a child: an address, the child's records, and all records below it. */
function pointerBytes(levels: readonly Level[], level: number): { readonly count: number; readonly all: number } {
  const count = widthOf(levels[0]?.most ?? 0)
  return { count, all: 8 + count + (level > 1 ? widthOf(levels[level - 1]?.mostBelow ?? 0) : 0) }
}

/** The records below one node. Levels fall by one from node to child, so that no loop can be built. */
function* node(
  source: ByteSource,
  tree: Tree,
  { address, count, level }: { readonly address: number; readonly count: number; readonly level: number },
): Generator<DataView> {
  const { index, nodeBytes, levels } = tree
  const view = readBlock(source, address, nodeBytes)
  const sound = isMarked(view, level > 0 ? 'BTIN' : 'BTLF') && view.getUint8(5) === index.type && count <= (levels[level]?.most ?? 0)
  if (!sound) throw new RangeError('no node of an index')
  const pointer = pointerBytes(levels, level)
  for (let i = 0; i <= count; i++) {
    if (level > 0) {
      const from = NODE_HEAD + count * index.bytes + i * pointer.all
      yield* node(source, tree, { address: readAddress(view, from), count: readLittle(view, from + 8, pointer.count), level: level - 1 })
    }
    if (i < count) yield new DataView(view.buffer, NODE_HEAD + i * index.bytes, index.bytes)
  }
}

// The heap.

interface Heap {
  readonly placeBytes: number
  /** Bytes of an offset and of a length in a place. */
  readonly offsetBytes: number
  readonly lengthBytes: number
  /** Bytes before the objects of a block. */
  readonly blockHead: number
  /** Blocks in a row, and the bytes of one in the first row and in the last that holds objects. */
  readonly columns: number
  readonly smallest: number
  readonly largest: number
  readonly root: number
  /** Rows of the root; none where it is a block of objects itself. */
  readonly rows: number
}

function openHeap(source: ByteSource, address: number): Heap {
  const head = readBlock(source, address, 142)
  if (!isMarked(head, 'FRHP')) throw new RangeError('no heap')
  if (head.getUint16(7, true) !== 0) throw new RangeError('the heap is compressed')
  const [smallest, largest] = [readAddress(head, 112), readAddress(head, 120)]
  const columns = head.getUint16(110, true)
  const powers = [smallest, largest, columns].every((size) => size > 0 && Number.isInteger(Math.log2(size)))
  if (!powers || smallest > largest || largest > 2 ** 31) throw new RangeError('a heap of unknown form')
  const offsetBytes = Math.ceil(head.getUint16(128, true) / 8)
  return {
    placeBytes: head.getUint16(5, true),
    offsetBytes,
    lengthBytes: Math.min(widthOf(largest), widthOf(head.getUint32(10, true))),
    blockHead: 13 + offsetBytes + (head.getUint8(9) & 2 ? 4 : 0),
    columns,
    smallest,
    largest,
    root: readAddress(head, 132),
    rows: head.getUint16(140, true),
  }
}

function readObject(source: ByteSource, heap: Heap, place: DataView): { readonly address: number; readonly view: DataView } {
  const kind = place.getUint8(0) >>> 4
  // Of version 0 (the upper two bits), and in a block: not one of the objects that are too large for blocks, or small enough to lie here.
  if (kind !== 0) throw new RangeError('an object that lies outside the blocks of the heap')
  const offset = readLittle(place, 1, heap.offsetBytes)
  const length = readLittle(place, 1 + heap.offsetBytes, heap.lengthBytes)
  const block = blockOf(source, heap, offset)
  const inside = offset - block.offset >= heap.blockHead && offset + length <= block.offset + block.bytes
  if (!inside || !isMarked(readBlock(source, block.address, 4), 'FHDB')) throw new RangeError('an object outside its block')
  const address = block.address + offset - block.offset
  return { address, view: readBlock(source, address, length) }
}

interface Block {
  readonly address: number
  /** Where its bytes begin in the heap. */
  readonly offset: number
  readonly bytes: number
}

/** The block of objects that holds an offset, found through tables of blocks in which each row is twice as large as the one above. */
function blockOf(source: ByteSource, heap: Heap, wanted: number): Block {
  const { columns, smallest, largest } = heap
  let [address, offset, rows] = [heap.root, 0, heap.rows]
  if (rows === 0) return { address, offset, bytes: smallest }
  for (;;) {
    const row = Math.max(0, Math.floor(Math.log2((wanted - offset) / (smallest * columns))) + 1)
    if (row >= rows) throw new RangeError('an object outside the heap')
    const bytes = smallest * 2 ** Math.max(0, row - 1)
    const rowOffset = row === 0 ? 0 : smallest * columns * 2 ** (row - 1)
    const column = Math.floor((wanted - offset - rowOffset) / bytes)
    if (!isMarked(readBlock(source, address, 4), 'FHIB')) throw new RangeError('no table of blocks')
    address = readAddress(readBlock(source, address + 13 + heap.offsetBytes + (row * columns + column) * 8, 8), 0)
    offset += rowOffset + column * bytes
    if (bytes <= largest) return { address, offset, bytes }
    // A table below holds fewer rows than the one above it, so that this comes to an end.
    rows = Math.min(row, Math.log2(bytes / (smallest * columns)) + 1)
  }
}

function isMarked(view: DataView, mark: string): boolean {
  return mark.split('').every((letter, i) => view.getUint8(i) === letter.charCodeAt(0))
}
