/** @file Writes an HDF5 file whole or not at all, through h5wasm, tensor by tensor straight into the temporary file on disk. */
import { setImmediate } from 'node:timers/promises'
import { RootstockError, messageOf } from '../../errors.ts'
import { atomicWriteWith } from '../../files/index.ts'
import { inRoom, sizeOf } from '../../tensor/index.ts'
import type { Shape, Tensor } from '../../tensor/index.ts'
import { fillAgain, knownFile, planOf, remember, type H5Plan } from './h5-again.ts'
import { H5_CLASS, startLibrary } from './h5-library.ts'
import type { H5Session, H5WriteMetadata } from './h5-library.ts'
import { forgetTimes } from './h5-times.ts'
import { slices } from './slices.ts'

/** The numbers of a dataset. */
export interface H5Content {
  readonly shape: Shape
  /** Asked once, when the writer comes to it, or never where they are in the file already. */
  readonly tensor: Tensor<'float32' | 'int64'>
  /** Contents of equal versions are equal; undefined where nobody knows. */
  readonly version?: string | undefined
}

/** Puts groups, datasets and attributes into a new file. Paths are absolute. */
export interface H5Writer {
  /** Makes a group and those above it, as far as they are absent. */
  group(path: string): void
  /** Makes a dataset of the tensor's shape and type, and the groups above it. */
  dataset(path: string, content: H5Content): void
  /** Sets an attribute: a text, or a list of texts. */
  attribute(path: string, name: string, value: string | readonly string[]): void
}

const READ_WRITE_TRUNCATE = 2
/** The oldest form that holds what is written, as h5py chooses: HDF5 2 alone would keep larger groups in a form that few readers know. */
const LIBVER_EARLIEST = 0
const LIBVER_V114 = 4
const SLICE = 4 * 2 ** 20
/** Milliseconds between two turns of whoever listens. */
const TURN = 50

/** Hears how far the writing is, in bytes of numbers. Where somebody listens, signals and the terminal get their turn while large files are written. */
export type WriteProgress = (done: number, total: number) => void

export interface WriteHdf5Options {
  /** About the bytes that the file needs. */
  readonly bytes: number
  readonly onProgress?: WriteProgress | undefined
}

/** Writes the file that `build` describes to `path`, through a temporary file. */
export async function writeHdf5(path: string, { bytes, onProgress }: WriteHdf5Options, build: (writer: H5Writer) => void): Promise<void> {
  const plan = planOf(build)
  const fill = async (file: Parameters<Parameters<typeof atomicWriteWith>[1]>[0]): Promise<void> => {
    // It takes some 30 MB to begin, much of it for a moment: between the numbers of a network and the copies that are written of them.
    const session = await inRoom(bytes, () => startLibrary(file))
    const began = Math.floor(Date.now() / 1000)
    try {
      const handle = session.library.open(session.path, READ_WRITE_TRUNCATE, false, LIBVER_EARLIEST, LIBVER_V114)
      await runSteps(makeWriter(session, handle), plan, onProgress)
      if (handle <= 0n || session.library.close_file(handle) < 0) throw new Error('the file cannot be closed')
    } catch (error) {
      if (error instanceof RootstockError) throw error
      const host = session.hostError()
      if (host instanceof Error) throw host
      const cause = new Error(session.diagnostics.join('\n'), { cause: error })
      throw new RootstockError('FORMAT', `Cannot write ${path}: ${messageOf(error)}`, { cause })
    }
    const host = session.hostError()
    if (host instanceof Error) throw host
    forgetTimes(file, began)
  }
  const known = knownFile(path, plan)
  await atomicWriteWith(path, (file) => (known && fillAgain(file, path, { ...plan, known }) ? undefined : fill(file)), {
    needed: bytes,
  })
  remember(path, plan)
}

/** As long as nobody listens nothing else runs meanwhile, so that the numbers are those of one moment. */
async function runSteps(writer: PieceWriter, { steps, datasets }: H5Plan, onProgress: WriteProgress | undefined): Promise<void> {
  const total = Array.from(datasets.values(), ({ shape }) => sizeOf(shape) * 4).reduce((sum, size) => sum + size, 0)
  let done = 0
  let turned = performance.now()
  for (const step of steps) {
    if (step.kind === 'group') writer.group(step.path)
    else if (step.kind === 'attribute') writer.attribute(step.path, step.name, step.value)
    else
      for (const bytes of writer.pieces(step.path, step.content)) {
        done += bytes
        if (!onProgress || performance.now() - turned < TURN) continue
        onProgress(Math.min(done, total), total)
        await setImmediate()
        turned = performance.now()
      }
  }
  onProgress?.(total, total)
}

/** Numbers are written piece by piece; each gives its bytes. */
type PieceWriter = Omit<H5Writer, 'dataset'> & { pieces(path: string, content: H5Content): Generator<number> }

function makeWriter({ library }: H5Session, file: bigint): PieceWriter {
  const groups = new Set(['/'])
  const datasets = new Set<string>()
  const group = (path: string): void => {
    if (groups.has(path) || path === '') return
    group(path.slice(0, path.lastIndexOf('/')))
    library.create_group(file, path, false)
    groups.add(path)
  }
  return {
    group,
    *pieces(path, content) {
      if (datasets.has(path)) throw new Error(`${path} is written twice`)
      const { tensor } = content
      datasets.add(path)
      group(path.slice(0, path.lastIndexOf('/')))
      const metadata = numbers(tensor)
      // With no data this only makes the dataset: its own write fails, and the slices below write with a status that tells.
      library.create_dataset(file, path, 0n, metadata)
      const pointer = library._malloc(Math.min(SLICE, tensor.data.byteLength) || 1)
      if (pointer === 0) throw new Error('no memory for the slice')
      for (const { offset, count, at, length } of slices(tensor.shape, SLICE / metadata.size)) {
        const { data } = tensor
        library.HEAPU8.set(new Uint8Array(data.buffer, data.byteOffset + at * metadata.size, length * metadata.size), pointer)
        const [to, from, stride] = tensor.shape.length === 0 ? [null, null, null] : [count, offset, count.map(() => 1n)]
        if (library.set_dataset_data(file, path, to, from, stride, BigInt(pointer)) < 0) throw new Error(`${path} cannot be written`)
        yield length * metadata.size
      }
      library._free(pointer)
    },
    attribute(path, name, value) {
      const shape = typeof value === 'string' ? [] : [BigInt(value.length)]
      const text = {
        type: H5_CLASS.string,
        size: 4,
        signed: false,
        vlen: true,
        littleEndian: true,
        cset: 1,
        shape,
        maxshape: shape,
      } as const
      const status = library.create_vlen_str_attribute(file, path, name, typeof value === 'string' ? [value] : value, text)
      if (status < 0) throw new Error(`${path}@${name} cannot be written`)
    },
  }
}

function numbers({ dtype, shape }: Tensor<'float32' | 'int64'>): H5WriteMetadata {
  const sizes = shape.map(BigInt)
  const type = dtype === 'float32' ? { type: H5_CLASS.float, size: 4 } : { type: H5_CLASS.integer, size: 8 }
  return { ...type, signed: true, vlen: false, littleEndian: true, shape: sizes, maxshape: sizes }
}

/** Bytes of datasets of these shapes and a little more; the few numbers of 8 bytes are not worth counting. */
export function estimateBytes(shapes: readonly Shape[]): number {
  return shapes.reduce((sum, shape) => sum + sizeOf(shape) * 4, 4096)
}
