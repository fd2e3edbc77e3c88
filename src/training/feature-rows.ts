/** @file Rows of numbers by sample: in memory while they are few, else in a temporary file, so that memory stays flat. */
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RootstockError, messageOf } from '../errors.ts'
import { sizeOf, type Shape, type Tensor } from '../tensor/index.ts'

/** Up to here rows are kept in memory, in bytes. */
const memoryLimit = 96 * 1024 * 1024

/** One row per sample; a row holds one tensor per value on the freeze boundary. */
export interface FeatureRows {
  readonly count: number
  /** Numbers in one row. */
  readonly width: number
  /** The rows of a batch of features, one per sample. */
  split(features: readonly Tensor<'float32'>[]): Float32Array[]
  /** Stores one row. */
  put(row: number, values: Float32Array): Promise<void>
  /** Stores the rows of consecutive samples that begin at `from`. */
  write(from: number, features: readonly Tensor<'float32'>[]): Promise<void>
  /** The given samples' rows, in that order, one tensor [n, …] per value. */
  gather(indices: readonly number[]): Promise<Tensor<'float32'>[]>
  /** Takes tensors of `gather` back, into which later samples are gathered: new memory for each batch keeps the garbage collector busy. */
  readonly recycle: (tensors: readonly Tensor<'float32'>[]) => void
  dispose(): Promise<void>
}

interface Backing {
  put(row: number, values: Float32Array): Promise<void>
  take(row: number, into: Float32Array): Promise<void>
  dispose(): Promise<void>
}

/** Room for `count` samples whose values have the given shapes; in memory up to `limit` bytes. */
export async function createFeatureRows(count: number, shapes: readonly Shape[], limit = memoryLimit): Promise<FeatureRows> {
  const widths = shapes.map(sizeOf)
  const width = widths.reduce((sum, size) => sum + size, 0)
  const backing = count * width * 4 <= limit ? inMemory(count, width) : await inFile(width)
  const spare = new Map<number, Tensor<'float32'>[][]>()
  const room = (size: number): Tensor<'float32'>[] =>
    spare.get(size)?.pop() ??
    shapes.map((shape, k) => ({ data: new Float32Array(size * widths[k]!), shape: [size, ...shape], dtype: 'float32' }))
  const split = (features: readonly Tensor<'float32'>[]): Float32Array[] =>
    Array.from({ length: features[0]?.shape[0] ?? 0 }, (_, i) => rowOf(features, i))
  return {
    count,
    width,
    split,
    put: (row, values) => backing.put(row, values),
    async write(from, features) {
      for (const [i, row] of split(features).entries()) await backing.put(from + i, row)
    },
    async gather(indices) {
      const result = room(indices.length)
      const row = new Float32Array(width)
      for (const [i, index] of indices.entries()) {
        await backing.take(index, row)
        let at = 0
        result.forEach((tensor, k) => {
          tensor.data.set(row.subarray(at, at + widths[k]!), i * widths[k]!)
          at += widths[k]!
        })
      }
      return result
    },
    recycle(tensors) {
      const size = tensors[0]?.shape[0] ?? 0
      const held = spare.get(size) ?? []
      held.push([...tensors])
      spare.set(size, held)
    },
    dispose: () => backing.dispose(),
  }
}

function inMemory(count: number, width: number): Backing {
  const rows = new Float32Array(count * width)
  return {
    put: (row, values) => Promise.resolve(rows.set(values, row * width)),
    take: (row, into) => Promise.resolve(into.set(rows.subarray(row * width, (row + 1) * width))),
    dispose: () => Promise.resolve(),
  }
}

async function inFile(width: number): Promise<Backing> {
  const folder = await mkdtemp(join(tmpdir(), 'rootstock-features-'))
  const file = await open(join(folder, 'rows'), 'w+')
  // The name goes at once: the space is freed however the process ends.
  await rm(folder, { recursive: true, force: true })
  return {
    async put(row, values) {
      await writeAll(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), row * width * 4)
    },
    async take(row, into) {
      const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, row * width * 4)
      if (bytesRead !== bytes.length)
        throw new RootstockError('FILE', `Cannot read stored features: found ${bytesRead} of ${bytes.length} bytes`)
    },
    dispose: () => file.close(),
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    try {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
      done += bytesWritten
    } catch (error) {
      throw new RootstockError('FILE', `Cannot store features in ${tmpdir()}: ${messageOf(error)}`, {
        cause: error,
        hint: 'Free some space, or set TMPDIR to a folder on a larger disk',
      })
    }
  }
}

/** All values on the boundary of one photo, one after the other. */
export function rowOf(features: readonly Tensor<'float32'>[], index: number): Float32Array {
  const parts = features.map(({ data, shape }) => {
    const width = data.length / (shape[0] ?? 1)
    return data.subarray(index * width, (index + 1) * width)
  })
  const row = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    row.set(part, at)
    at += part.length
  }
  return row
}
