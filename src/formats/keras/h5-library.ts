/** @file One private copy of the HDF5 library (h5wasm) per written file, in a file system that holds this file and nothing else. */
import { RootstockError } from '../../errors.ts'

/** The bytes that the library sees as its only file. */
export interface VirtualFile {
  /** Bytes in the file. */
  size(): number
  /** Fills `target` from `position`; returns how many bytes there were. */
  read(target: Uint8Array, position: number): number
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array, position: number): void
  /** Cuts or extends the file. */
  truncate(size: number): void
}

/** What h5wasm needs to make a dataset or an attribute. */
export interface H5WriteMetadata {
  readonly type: number
  readonly size: number
  readonly signed: boolean
  readonly vlen: boolean
  readonly littleEndian: true
  readonly cset?: number
  readonly shape: readonly bigint[]
  readonly maxshape: readonly bigint[]
}

/** Classes of element types, numbered as in the HDF5 library. */
export const H5_CLASS = { integer: 0, float: 1, string: 3 } as const

/** The functions of h5wasm's module that Rootstock uses (src/hdf5_util.cc of h5wasm 0.10). */
export interface H5Library {
  readonly HEAPU8: Uint8Array
  readonly FS: EmscriptenFS
  _malloc(bytes: number): number
  _free(pointer: number): void
  open(path: string, mode: number, trackOrder: boolean, low: number, high: number): bigint
  close_file(file: bigint): number
  set_dataset_data(...args: DataArguments): number
  create_group(file: bigint, path: string, trackOrder: boolean): number
  create_dataset(file: bigint, path: string, pointer: bigint, metadata: H5WriteMetadata): number
  create_attribute(file: bigint, path: string, name: string, ...data: [bigint, H5WriteMetadata]): number
  create_vlen_str_attribute(file: bigint, path: string, name: string, ...data: [readonly string[], H5WriteMetadata]): number
}

/** File, path, then count, offset and stride per axis (null: everything), then the pointer of the buffer. */
type DataArguments = [
  file: bigint,
  path: string,
  count: readonly bigint[] | null,
  offset: readonly bigint[] | null,
  stride: readonly bigint[] | null,
  pointer: bigint,
]

interface EmscriptenFS {
  open(path: unknown, flags: unknown, mode?: unknown): unknown
  create(path: string, mode: number): EmscriptenNode
  readonly ErrnoError: new (errno: number) => Error
}

interface EmscriptenNode {
  usedBytes: number
  node_ops: Record<string, unknown> & { setattr: (node: EmscriptenNode, attributes: { size?: number }) => void }
  stream_ops: Record<string, unknown>
}

/** A copy of the library with its one file. */
export interface H5Session {
  readonly library: H5Library
  /** Where the library finds the file. */
  readonly path: string
  /** The first error that the virtual file threw. */
  hostError(): unknown
  /** What the library printed about its last failures. */
  readonly diagnostics: readonly string[]
}

const FILE_PATH = '/file.h5'
const ACCESS_DENIED = 2 // numbers of WASI, which Emscripten uses
const INPUT_OUTPUT = 29

/** Starts a copy of the library (about 30 ms, 20 MB) that can reach `file` and nothing else. */
export async function startLibrary(file: VirtualFile): Promise<H5Session> {
  const diagnostics: string[] = []
  const note = (line: string): void => {
    if (diagnostics.length < 60) diagnostics.push(line)
  }
  const create = await loadFactory()
  const library = await create({ noInitialRun: true, print: note, printErr: note })
  const failure: { error?: unknown } = {}
  placeFile(library.FS, file, failure)
  const open = library.FS.open.bind(library.FS)
  library.FS.open = (path, flags, mode) => {
    if (path === FILE_PATH) return open(path, flags, mode)
    throw new library.FS.ErrnoError(ACCESS_DENIED)
  }
  return { library, path: FILE_PATH, diagnostics, hostError: () => failure.error }
}

type Factory = (options: { noInitialRun: boolean; print(line: string): void; printErr(line: string): void }) => Promise<H5Library>

/** h5wasm's own entry makes one instance for all and offers no other; its factory lies beside that entry. */
async function loadFactory(): Promise<Factory> {
  const entry = import.meta.resolve('h5wasm')
  const module = (await import(new URL('./hdf5_util.js', entry).href)) as { default?: Factory }
  if (!module.default) throw new RootstockError('FORMAT', 'Cannot start the HDF5 library: h5wasm has no factory beside its entry')
  return module.default
}

/** Puts `file` into Emscripten's file system as a node whose operations go to the host, so that its bytes are never held twice. */
function placeFile(fs: EmscriptenFS, file: VirtualFile, failure: { error?: unknown }): void {
  const node = fs.create(FILE_PATH, 0o600)
  const onHost = <T>(action: () => T): T => {
    try {
      return action()
    } catch (error) {
      failure.error ??= error
      throw new fs.ErrnoError(INPUT_OUTPUT)
    }
  }
  node.usedBytes = file.size()
  node.stream_ops = {
    ...node.stream_ops,
    mmap: undefined,
    read(...[, heap, offset, length, position]: StreamArguments): number {
      return onHost(() => file.read(new Uint8Array(heap.buffer, heap.byteOffset + offset, length), position))
    },
    write(...[, heap, offset, length, position]: StreamArguments): number {
      onHost(() => file.write(new Uint8Array(heap.buffer, heap.byteOffset + offset, length), position))
      node.usedBytes = Math.max(node.usedBytes, position + length)
      return length
    },
  }
  node.node_ops = {
    ...node.node_ops,
    setattr(target, { size }) {
      if (size === undefined) return
      onHost(() => file.truncate(size))
      target.usedBytes = size
    },
  }
}

type StreamArguments = [stream: unknown, heap: Int8Array, offset: number, length: number, position: number]
