/** @file Rows of numbers by sample: in memory while they are few, else in a temporary file, so that memory stays flat. */
import { tmpdir } from 'node:os'
import { RootstockError, messageOf } from '../errors.ts'
import { cacheHome, openScratch, scratchWith, type Scratch } from '../files/index.ts'
import { sizeOf, type Shape, type Tensor } from '../tensor/index.ts'

/** Up to here rows are kept in memory, in bytes: from a file ten epochs over 3,000 of 8 KiB take a second longer. */
const memoryLimit = 96 * 1024 * 1024

/** From here on it is worth a file to have rows out of memory while a network computes them, in bytes. */
const restingFrom = 4 * 1024 * 1024

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
  /** Lets rows that are kept in memory wait on disk until the first is gathered; where there is no room for them they stay. */
  rest(): void
  dispose(): Promise<void>
}

interface Backing {
  put(row: number, values: Float32Array): void
  take(row: number, into: Float32Array): void
  rest(): void
  dispose(): void
}

/** Room for `count` samples whose values have the given shapes; in memory up to `limit` bytes. */
export function createFeatureRows(count: number, shapes: readonly Shape[], limit = memoryLimit): FeatureRows {
  const widths = shapes.map(sizeOf)
  const width = widths.reduce((sum, size) => sum + size, 0)
  const backing = count * width * 4 <= limit ? inMemory(count, width) : inFile(width)
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
    put: (row, values) => promised(() => void backing.put(row, values)),
    write: (from, features) =>
      promised(() => {
        for (const [i, row] of split(features).entries()) backing.put(from + i, row)
      }),
    gather: (indices) =>
      promised(() => {
        const result = room(indices.length)
        const row = new Float32Array(width)
        for (const [i, index] of indices.entries()) {
          backing.take(index, row)
          let at = 0
          result.forEach((tensor, k) => {
            tensor.data.set(row.subarray(at, at + widths[k]!), i * widths[k]!)
            at += widths[k]!
          })
        }
        return result
      }),
    recycle(tensors) {
      const size = tensors[0]?.shape[0] ?? 0
      const held = spare.get(size) ?? []
      held.push([...tensors])
      spare.set(size, held)
    },
    rest: () => void backing.rest(),
    dispose: () => promised(() => void backing.dispose()),
  }
}

const promised = <T>(work: () => T): Promise<T> => new Promise((resolve) => void resolve(work()))

function inMemory(count: number, width: number): Backing {
  let [rows, end] = [new Float32Array(count * width), 0]
  let file: Scratch | undefined
  const wake = (): void => {
    if (!file) return
    const waiting = file
    rows = new Float32Array(count * width)
    waiting.read(rows.subarray(0, end), 0)
    file = void waiting.close()
  }
  return {
    put(row, values) {
      const at = row * width
      if (!file || !isTaken(file, values, at)) {
        wake()
        rows.set(values, at)
      }
      end = Math.max(end, at + values.length)
    },
    take(row, into) {
      wake()
      into.set(rows.subarray(row * width, (row + 1) * width))
    },
    rest() {
      if (file || rows.byteLength < restingFrom) return
      file = scratchWith(cacheHome(), (scratch) => void scratch.write(rows.subarray(0, end), 0))
      if (file) rows = new Float32Array()
    },
    dispose: () => void file?.close(),
  }
}

/** Whether the disk took them. */
function isTaken(file: Scratch, numbers: Float32Array, at: number): boolean {
  try {
    file.write(numbers, at * 4)
    return true
  } catch (error) {
    if (error instanceof RootstockError) return false
    throw error
  }
}

/** Read and written without waiting: a row lies in the system's cache, and a batch of 32 rows of 8 KiB takes 0.2 to 0.7 ms, with promises 1.3 to 3.9. */
function inFile(width: number): Backing {
  const scratch = said('store', () => openScratch(tmpdir()))
  return {
    put: (row, values) => said('store', () => void scratch.write(values, row * width * 4)),
    take: (row, into) => said('read stored', () => void scratch.read(into, row * width * 4)),
    rest: () => undefined,
    dispose: () => void scratch.close(),
  }
}

function said<T>(action: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new RootstockError('FILE', `Cannot ${action} features in ${tmpdir()}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Free some space, or set TMPDIR to a folder on a larger disk',
    })
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
