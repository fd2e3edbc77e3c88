/** @file Tensors and texts in one safetensors file whose own hash lies in it, so that any damage is noticed. */
import { createHash, type Hash } from 'node:crypto'
import { RootstockError } from '../../errors.ts'
import { atomicWrite, errnoOf, fileError, openRegular } from '../../files/index.ts'
import { sizeOf, type Tensor } from '../../tensor/index.ts'
import { readAt, readHeader, refuse, type Header } from './read.ts'

/** A tensor and its name in the file. */
export interface NamedTensor {
  /** Unique in the file. */
  readonly name: string
  /** Shape, type and numbers. */
  readonly tensor: Tensor<'float32'>
}

/** What such a file holds. */
export interface TensorFile {
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, Tensor<'float32'>>
  /** Texts of the header by key. */
  readonly metadata: Readonly<Record<string, string>>
}

/** The hash stands first in the header, so that its place is known: it is that of the whole file with zeros in this place. */
const PREFIX = '{"__metadata__":{"sha256":"'
const DIGITS = 64
const AT = 8 + PREFIX.length

/** Writes tensors and texts with their hash, whole or not at all; other readers of safetensors can open the file. Throws FILE. */
export async function writeTensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  let at = 0
  const places = tensors.map(({ name, tensor: { shape } }): [string, object] => {
    const begin = at
    at += sizeOf(shape) * 4
    return [name, { dtype: 'F32', shape, data_offsets: [begin, at] }]
  })
  const names = new Set(places.map(([name]) => name))
  if (names.size < places.length) throw new RootstockError('USAGE', `Cannot write ${path}: two tensors have one name`)
  const text = JSON.stringify({ __metadata__: { sha256: '0'.repeat(DIGITS), ...metadata }, ...Object.fromEntries(places) })
  // Readers that map the file want the numbers at a multiple of 8.
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  const head = Buffer.concat([length, json])
  const numbers = tensors.map(({ tensor: { data } }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  const hash = createHash('sha256').update(head)
  for (const bytes of numbers) update(hash, bytes)
  head.write(hash.digest('hex'), AT, 'latin1')
  await atomicWrite(path, [head, ...numbers])
}

/** Reads a file of `writeTensors`, bit for bit. Throws FILE when it cannot be read, FORMAT when it is not as it was written. */
export async function readTensors(path: string): Promise<TensorFile> {
  try {
    const file = await openRegular(path, { expected: 'a safetensors file' })
    try {
      const header = await readHeader(file, path)
      const { head, entries, start, metadata } = header
      const hash = createHash('sha256').update(withoutHash(header, path))
      const tensors = new Map<string, Tensor<'float32'>>()
      for (const { name, type, shape, begin, end } of entries) {
        if (type !== 'float32') throw refuse(path, `"${name}" is ${type}, expected float32`)
        const bytes = await readAt(file, start + begin, end - begin)
        update(hash, bytes)
        const data = new Float32Array(sizeOf(shape))
        new Uint8Array(data.buffer).set(bytes)
        tensors.set(name, { data, shape, dtype: 'float32' })
      }
      const found = hash.digest('hex')
      const expected = head.toString('latin1', AT, AT + DIGITS)
      if (found !== expected) throw refuse(path, `it is damaged: its SHA-256 is ${brief(found)}, expected ${brief(expected)}`)
      return { tensors, metadata }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw errnoOf(error) === '' ? error : fileError(error, path, { action: 'read' })
  }
}

function withoutHash({ head }: Header, path: string): Buffer {
  if (head.toString('latin1', 8, AT) !== PREFIX) throw refuse(path, 'its header does not begin with its hash')
  return Buffer.concat([head.subarray(0, AT), Buffer.alloc(DIGITS, '0'), head.subarray(AT + DIGITS)])
}

/** A hash takes no more than 2 GiB at once. */
function update(hash: Hash, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 2 ** 30) hash.update(bytes.subarray(at, at + 2 ** 30))
}

const brief = (digits: string): string => `${digits.slice(0, 12)}…`
