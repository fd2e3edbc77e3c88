/** @file The members of an HDF5 group: classic symbol tables, and the link messages of modern groups. */
import { denseMessages, INDEX } from './h5-dense.ts'
import { MESSAGE } from './h5-messages.ts'
import type { H5Message } from './h5-messages.ts'
import { readAddress, readBlock, refusal } from './h5-source.ts'
import type { ByteSource } from './h5-source.ts'
import { readText } from './h5-types.ts'

/** A member: its name and the address of its header. */
export type H5Member = readonly [name: string, address: number]

/** Members in the file's order. Throws WEIGHTS for every link that is not a hard one. */
export function readMembers(source: ByteSource, messages: readonly H5Message[], path: string): H5Member[] {
  return messages.flatMap(({ type, body }) => {
    if (type === MESSAGE.symbolTable) return fromSymbolTable(source, body, path)
    if (type === MESSAGE.link) return [fromLink(source, body, path)]
    if (type === MESSAGE.linkInfo) return fromDense(source, body, path)
    return []
  })
}

/** What to do about files of the library's newest forms. */
export const RESAVE = 'Save the file again with Keras, or with h5py and its default libver'

/** The links of a large modern group, which one name beyond ASCII makes of every large group. The index has them by the hash of their names. */
function fromDense(source: ByteSource, body: DataView, path: string): H5Member[] {
  const at = 2 + (body.getUint8(1) & 1 ? 8 : 0)
  const [heap, index] = [readAddress(body, at), readAddress(body, at + 8)]
  if (heap === Infinity) return []
  const members = Array.from(denseMessages(source, { heap, index }, INDEX.links), (found) => fromLink(source, found.body, path))
  return members.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function fromSymbolTable(source: ByteSource, body: DataView, path: string): H5Member[] {
  const heap = readBlock(source, readAddress(body, 8), 32)
  if (heap.getUint32(0, true) !== 0x50414548) throw new RangeError('no local heap') // "HEAP"
  const names = readBlock(source, readAddress(heap, 24), readAddress(heap, 8))
  // Members have different names, so that together these are no longer than the heap.
  let left = names.byteLength
  const nameAt = (offset: number): string => {
    const rest = new Uint8Array(names.buffer).subarray(offset)
    const end = rest.indexOf(0)
    left -= end
    if (end < 0 || left < 0) throw new RangeError('a name has no end')
    return readText(rest.subarray(0, end))
  }
  const members: H5Member[] = []
  for (const { address } of leaves(source, readAddress(body, 0), { type: 0, keyBytes: 8 })) {
    const node = readBlock(source, address, 8)
    if (node.getUint32(0, true) !== 0x444f4e53) throw new RangeError('no symbol table node') // "SNOD"
    const count = node.getUint16(6, true)
    const entries = readBlock(source, address + 8, count * 40)
    for (let i = 0; i < count; i++) {
      const name = nameAt(readAddress(entries, i * 40))
      if (entries.getUint32(i * 40 + 16, true) === 2) {
        throw refuseLink(source, `${path}/${name}`, `a soft link (to "${nameAt(entries.getUint32(i * 40 + 24, true))}")`)
      }
      members.push([name, readAddress(entries, i * 40 + 8)])
    }
  }
  return members
}

function fromLink(source: ByteSource, body: DataView, path: string): H5Member {
  const flags = body.getUint8(1)
  let at = 2
  const type = flags & 8 ? body.getUint8(at++) : 0
  at += (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0)
  const width = 1 << (flags & 3)
  const length = Array.from({ length: width }, (_, i) => body.getUint8(at + i) * 256 ** i).reduce((sum, part) => sum + part, 0)
  const name = readText(new Uint8Array(body.buffer, body.byteOffset + at + width, length))
  at += width + length
  if (type === 0) return [name, readAddress(body, at)]
  const value = new Uint8Array(body.buffer, body.byteOffset + at + 2, body.getUint16(at, true))
  if (type === 1) throw refuseLink(source, `${path}/${name}`, `a soft link (to "${new TextDecoder().decode(value)}")`)
  const kind = type === 64 ? `an external link (to the file "${readText(value.subarray(1))}")` : `a user-defined link (type ${type})`
  throw refuseLink(source, `${path}/${name}`, kind)
}

function refuseLink(source: ByteSource, path: string, kind: string): Error {
  return refusal(source, `"${path.replace(/^\/+/, '/')}" is ${kind}, which is refused`)
}

/** An entry of the lowest level of a version 1 B-tree: its key and what it points to. */
export interface H5Leaf {
  readonly key: DataView
  readonly address: number
}

const MOST_LEVELS = 12

/** The entries of a version 1 B-tree in order. Levels must fall by one from node to child, so that no loop can be built. */
export function* leaves(
  source: ByteSource,
  address: number,
  form: { readonly type: number; readonly keyBytes: number },
): Generator<H5Leaf> {
  const level = readBlock(source, address, 24).getUint8(5)
  if (level > MOST_LEVELS) throw new RangeError('too many levels')
  yield* descend(source, address, { ...form, level })
}

function* descend(
  source: ByteSource,
  address: number,
  form: { readonly type: number; readonly keyBytes: number; readonly level: number },
): Generator<H5Leaf> {
  const head = readBlock(source, address, 24)
  const sound = head.getUint32(0, true) === 0x45455254 && head.getUint8(4) === form.type && head.getUint8(5) === form.level // "TREE"
  if (!sound) throw new RangeError('no tree node')
  const count = head.getUint16(6, true)
  const step = form.keyBytes + 8
  const body = readBlock(source, address + 24, count * step)
  for (let i = 0; i < count; i++) {
    const child = readAddress(body, i * step + form.keyBytes)
    if (form.level > 0) yield* descend(source, child, { ...form, level: form.level - 1 })
    else yield { key: new DataView(body.buffer, i * step, form.keyBytes), address: child }
  }
}
