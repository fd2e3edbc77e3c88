/** @file Reads a safetensors file: 8 bytes of length, a JSON header, then the numbers. Everything is checked before it is read. */
import type { FileHandle } from 'node:fs/promises'
import { RootstockError } from '../../errors.ts'
import { errnoOf, fileError, filePart, openRegular, readPart, type FilePart } from '../../files/index.ts'
import { sizeOf } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { brief, isList, isObject, layersOf, parseJson } from '../keras/index.ts'
import type { FileWeight, WeightFile } from '../keras/index.ts'
import { firstNotFinite, notFinite, numberBytes, ownFloats, toFloat32From } from '../numbers.ts'
import type { NumberType } from '../numbers.ts'

/** The tensors of a file, by layer as in Keras's weight files. */
export type SafetensorsFile = Pick<WeightFile, 'name' | 'kind' | 'layers'> & {
  /** The texts that the file carries besides its tensors. */
  readonly metadata: Readonly<Record<string, string>>
}

/** The reference implementation's own limit. */
const MOST_HEADER = 100_000_000
const types: Readonly<Record<string, NumberType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16', F64: 'float64', I8: 'int8' }
/** An I8 tensor holds multiples of a scale of each output channel, its last dimension: those of `kernel` are in `kernel.scale`. */
const SCALE = '.scale'

/** One tensor of a file; `begin` and `end` count bytes from the first number. */
export interface Entry {
  readonly name: string
  readonly type: NumberType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/** Reads all tensors of a file. Throws FILE when it cannot be read, FORMAT when its header and its length do not agree. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  try {
    const file = await openRegular(path, { expected: 'a safetensors file' })
    try {
      return await readFile(file, path)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw errnoOf(error) === '' ? error : fileError(error, path, { action: 'read' })
  }
}

async function readFile(file: FileHandle, path: string): Promise<SafetensorsFile> {
  const { entries, start, metadata } = await readHeader(file, path)
  const scales = new Map<string, Float32Array>()
  for (const entry of entries) {
    const scale = entries.find(({ name }) => name === entry.name + SCALE)
    if (entry.type === 'int8') scales.set(entry.name, await readScales(file, { path, start, entry, scale }))
  }
  const found = filePart(file.fd, path, { begin: 0, size: 0 })
  const weights: FileWeight[] = []
  for (const entry of entries) {
    if (scales.has(entry.name.slice(0, -SCALE.length)) && entry.name.endsWith(SCALE)) continue
    const part = { ...found, begin: start + entry.begin, size: entry.end - entry.begin }
    weights.push(toWeight(entry, { part, scales: scales.get(entry.name) }))
  }
  return { name: path, kind: 'keras-weights', layers: layersOf(weights), metadata }
}

interface Scaled {
  readonly path: string
  readonly start: number
  readonly entry: Entry
  readonly scale: Entry | undefined
}

/** One number per output channel of an I8 tensor. */
async function readScales(file: FileHandle, { path, start, entry: { name, shape }, scale }: Scaled): Promise<Float32Array> {
  const channels = shape.at(-1)
  if (scale === undefined || scale.type === 'int8' || scale.shape.length !== 1 || scale.shape[0] !== channels) {
    const found = scale === undefined ? 'none' : `one of shape ${brief(scale.shape)}`
    throw refuse(
      path,
      `${brief(name)} has the type "I8" and needs ${brief(name + SCALE)}, floats of shape ${brief([channels])}; found ${found}`,
    )
  }
  return toFloat32From(await readAt(file, start + scale.begin, scale.end - scale.begin), scale.type)
}

/** What stands before the numbers. */
export interface Header {
  /** The bytes before the first number: the length and the JSON. */
  readonly head: Buffer
  /** In the order of the file. */
  readonly entries: readonly Entry[]
  /** Byte at which the numbers begin. */
  readonly start: number
  readonly metadata: Readonly<Record<string, string>>
}

/** Reads and checks the header: afterwards every tensor lies inside the file, and none shares bytes. */
export async function readHeader(file: FileHandle, path: string): Promise<Header> {
  const { size } = await file.stat()
  const length = size < 8 ? NaN : Number((await readAt(file, 0, 8)).readBigUInt64LE())
  if (!(length <= MOST_HEADER && 8 + length <= size)) {
    throw refuse(path, `its header should have ${length} of ${size} bytes`)
  }
  const head = await readAt(file, 0, 8 + length)
  const header = parseJson(head.toString('utf8', 8), `the header of ${path}`)
  if (!isObject(header)) throw refuse(path, 'its header is no object')
  const start = 8 + length
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
  const tensors = entries.map(([name, value]) => readEntry(path, name, value)).sort((a, b) => a.begin - b.begin)
  checkPlaces(path, tensors, size - start)
  const metadata = isObject(header['__metadata__']) ? Object.entries(header['__metadata__']) : []
  const texts = metadata.filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  return { head, entries: tensors, start, metadata: Object.fromEntries(texts) }
}

function readEntry(path: string, name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : {}
  const isWhole = (size: unknown): size is number => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
  const type = typeof dtype === 'string' && Object.hasOwn(types, dtype) ? types[dtype] : undefined
  if (type === undefined)
    throw refuse(path, `${brief(name)} has the type ${brief(dtype)}, expected one of ${Object.keys(types).join(', ')}`)
  const isSound =
    isList(shape) && shape.every(isWhole) && shape.length <= 16 && isList(offsets) && offsets.length === 2 && offsets.every(isWhole)
  if (!isSound) throw refuse(path, `${brief(name)} is described as ${brief(value)}`)
  const [begin = 0, end = 0] = offsets
  if (end - begin !== sizeOf(shape) * numberBytes[type])
    throw refuse(path, `${brief(name)} has ${end - begin} bytes for the shape ${brief(shape)}`)
  return { name, type, shape, begin, end }
}

/** Tensors lie one after the other and fill the file, so that none shares bytes and nothing is hidden between them. */
function checkPlaces(path: string, entries: readonly Entry[], size: number): void {
  const total = entries.reduce((at, { name, begin, end }) => {
    if (begin !== at) throw refuse(path, `${brief(name)} begins at byte ${begin}, expected ${at}`)
    return end
  }, 0)
  if (total !== size) throw refuse(path, `its tensors have ${total} of ${size} bytes`)
}

interface Numbers {
  readonly part: FilePart
  readonly scales: Float32Array | undefined
}

function toWeight({ name, type, shape }: Entry, { part, scales }: Numbers): FileWeight {
  return {
    name,
    shape,
    read(): Tensor<'float32'> {
      const data = ownFloats(readPart(part), type)
      scales?.forEach((scale, channel) => {
        for (let at = channel; at < data.length; at += scales.length) data[at] = (data[at] ?? NaN) * scale
      })
      const bad = firstNotFinite(data)
      if (bad < 0) return { data, shape, dtype: 'float32' }
      throw notFinite(part.path, `${brief(name)} holds ${data[bad]}`)
    },
  }
}

/** Reads exactly `length` bytes. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(bytes, at, Math.min(length - at, 2 ** 30), position + at)
    if (bytesRead === 0) throw new RootstockError('FORMAT', 'Cannot read the file: it became shorter while it was read')
    at += bytesRead
  }
  return bytes
}

/** The FORMAT error of a file that is not as it should be. */
export function refuse(path: string, found: string): RootstockError {
  return new RootstockError('FORMAT', `Cannot read ${path}: ${found}`, {
    hint: 'Get the file again from where it came, or use another one',
  })
}
