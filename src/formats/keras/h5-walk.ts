/** @file Lists everything in an HDF5 file and refuses the file for anything that could reach outside it or ask for absurd memory. */
import { sizeOf } from '../../tensor/index.ts'
import { readAttributes } from './h5-attribute.ts'
import type { H5Attributes } from './h5-attribute.ts'
import { FILTER } from './h5-data.ts'
import { readMembers, RESAVE } from './h5-group.ts'
import { MESSAGE, readMessages } from './h5-messages.ts'
import type { H5Message } from './h5-messages.ts'
import { formatBytes } from '../../files/index.ts'
import { refusal, withBudget } from './h5-source.ts'
import type { ByteSource } from './h5-source.ts'
import { readFilters, readLayout, readShape, readType } from './h5-types.ts'
import type { H5Layout, H5Type } from './h5-types.ts'

/** A folder of an HDF5 file. */
export interface H5Group {
  /** Tells it from a dataset. */
  readonly kind: 'group'
  /** Absolute, "/" for the root. */
  readonly path: string
  /** In the file's order: by name, in bytes. */
  readonly children: ReadonlyMap<string, H5Group | H5Dataset>
  /** Its attributes by name. */
  readonly attributes: H5Attributes
}

/** An array of an HDF5 file. */
export interface H5Dataset {
  /** Tells it from a group. */
  readonly kind: 'dataset'
  /** Its path in the file. */
  readonly path: string
  /** Its dimensions. */
  readonly shape: readonly number[]
  /** Of its numbers. */
  readonly type: H5Type
  /** Where its bytes lie in the file. */
  readonly layout: H5Layout
  /** Numbers of the filters, in the order of writing. */
  readonly filters: readonly number[]
  /** False when no byte was ever stored. */
  readonly written: boolean
  /** Its attributes by name. */
  readonly attributes: H5Attributes
}

const MOST_OBJECTS = 100_000
const MOST_DEPTH = 32
const FILTERS: readonly number[] = Object.values(FILTER)
const MOST_EXPANSION = 1000 // gzip reaches 1032
const MOST_BYTES = 2 ** 31
const MOST_CHUNK = 2 ** 26

interface Walk {
  readonly file: ByteSource
  /** The file, with the budget of the walk. */
  readonly source: ByteSource
  /** Where the walk is, for the message when bytes are missing. */
  readonly place: { path: string }
  /** Addresses of the objects met so far: a second way to one is a loop or a trick, and Keras writes neither. */
  readonly seen: Set<number>
  /** Bytes that the datasets without compression claim. */
  plain: number
}

/** The tree of groups and datasets below the object at `address`, every one of them checked. */
export function walk(source: ByteSource, address: number, place: { path: string }): H5Group {
  const state: Walk = { file: source, source: withBudget(source), place, seen: new Set(), plain: 0 }
  const root = readObject(state, address, '/', 1)
  if (root.kind !== 'group') throw refusal(source, 'its root is not a group')
  return root
}

function readObject(state: Walk, address: number, path: string, depth: number): H5Group | H5Dataset {
  const { source, seen, place } = state
  place.path = path
  if (depth > MOST_DEPTH) throw refusal(source, `its groups are nested more than ${MOST_DEPTH} deep`)
  if (seen.has(address)) throw refusal(source, `"${path}" is linked a second time (a loop of links), which is refused`)
  seen.add(address)
  if (seen.size > MOST_OBJECTS) throw refusal(source, `it has more than ${MOST_OBJECTS.toLocaleString('en-US')} groups and datasets`)
  const messages = readMessages(source, address)
  const attributes = readAttributes(source, messages, state.file)
  if (messages.some(({ type }) => type === MESSAGE.layout)) return readDataset(state, path, messages, attributes)
  const isGroup = messages.some(({ type }) => type === MESSAGE.symbolTable || type === MESSAGE.linkInfo || type === MESSAGE.link)
  if (!isGroup) throw refusal(source, `"${path}" is neither a group nor a dataset`)
  const children = new Map<string, H5Group | H5Dataset>()
  for (const [name, child] of readMembers(source, messages, path)) {
    if (name === '' || name === '.' || name === '..' || name.includes('/') || children.has(name)) {
      throw refusal(source, `"${path}" has a member with the invalid name "${name}"`)
    }
    children.set(name, readObject(state, child, path === '/' ? `/${name}` : `${path}/${name}`, depth + 1))
  }
  return { kind: 'group', path, children, attributes }
}

function readDataset(state: Walk, path: string, messages: readonly H5Message[], attributes: H5Attributes): H5Dataset {
  const { source } = state
  const bodyOf = (type: number): DataView => {
    const message = messages.find((candidate) => candidate.type === type)
    if (!message) throw new RangeError(`message ${type} is missing`)
    if (message.shared) throw refusal(source, `"${path}" has a committed element type, which is refused`)
    return message.body
  }
  if (messages.some(({ type }) => type === MESSAGE.external)) {
    throw refusal(source, `the bytes of "${path}" are kept in another file (external raw storage), which is refused`)
  }
  const shape = readShape(bodyOf(MESSAGE.dataspace))
  const type = readType(bodyOf(MESSAGE.datatype))
  const layout = readLayout(bodyOf(MESSAGE.layout), shape.length)
  if (layout.storage === 'virtual') throw refusal(source, `"${path}" is a virtual dataset, which is refused`)
  if (layout.storage === 'unknown') throw refusal(source, `"${path}" is stored in a way that Rootstock does not read`, RESAVE)
  const filters = messages.filter((message) => message.type === MESSAGE.filters).flatMap(({ body }) => readFilters(body))
  const unknown = filters.find(({ id }) => !FILTERS.includes(id))
  if (unknown) {
    const name = unknown.name || FILTER_NAMES[unknown.id] || String(unknown.id)
    throw refusal(source, `"${path}" is compressed by the filter "${name}", expected gzip, shuffle or fletcher32`)
  }
  checkSize(state, path, { shape, type, layout })
  const written = !('address' in layout) || layout.address !== Infinity || sizeOf(shape) === 0
  return { kind: 'dataset', path, shape, type, layout, filters: filters.map(({ id }) => id), written, attributes }
}

/** Numbers that the HDF5 Group gave out, for messages. */
const FILTER_NAMES: Readonly<Record<number, string>> = {
  4: 'szip',
  5: 'nbit',
  6: 'scaleoffset',
  32000: 'lzf',
  32001: 'blosc',
  32004: 'lz4',
}

function checkSize(state: Walk, path: string, found: Pick<H5Dataset, 'shape' | 'type' | 'layout'>): void {
  const { source } = state
  const { shape, type, layout } = found
  const bytes = sizeOf(shape) * type.bytes
  const chunked = layout.storage === 'chunked'
  const held = layout.storage === 'compact' ? layout.data.length : source.size
  const most = chunked ? Math.min(MOST_BYTES, source.size * MOST_EXPANSION) : held
  if (!(bytes <= most)) {
    throw refusal(
      source,
      `"${path}" claims ${formatBytes(bytes)}, and a file of ${formatBytes(source.size)} can hold at most ${formatBytes(most)}`,
    )
  }
  if (chunked && !(sizeOf(layout.chunk) * type.bytes <= MOST_CHUNK && layout.chunk.every((size) => size > 0))) {
    throw refusal(
      source,
      `"${path}" has chunks of ${formatBytes(sizeOf(layout.chunk) * type.bytes)}, expected at most ${formatBytes(MOST_CHUNK)}`,
    )
  }
  if (layout.storage !== 'contiguous' || layout.address === Infinity) return
  if (layout.address + bytes > source.size) throw new RangeError('its bytes lie outside the file')
  state.plain += bytes
  if (state.plain > source.size) throw refusal(source, `its datasets claim more than its ${formatBytes(source.size)}`)
}
