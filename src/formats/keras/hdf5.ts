/**
 * @file The strict door to HDF5: a reader of the part of the format that Keras writes. A file is walked and checked whole before a caller
 * sees it, each dataset is read on its own, and no form of link, external data or plug-in exists here that could reach another file.
 */
import { fileError, errnoOf } from '../../files/index.ts'
import { RootstockError, messageOf } from '../../errors.ts'
import { sizeOf } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { H5Value } from './h5-attribute.ts'
import { readData } from './h5-data.ts'
import { openSource, readAddress, readBlock, refusal } from './h5-source.ts'
import type { ByteSource, H5Origin } from './h5-source.ts'
import { walk } from './h5-walk.ts'
import type { H5Dataset, H5Group } from './h5-walk.ts'

/**
 * Opens an HDF5 file by path, as a part of another, or its bytes. Throws FILE when it cannot be read, WEIGHTS when it is truncated, damaged, or holds what a
 * weight file has no business with: links, data in other files, virtual datasets, unknown filters, more bytes than it can.
 */
export function openHdf5(source: H5Origin): H5File {
  const bytes = openSource(source)
  try {
    return new H5File(bytes)
  } catch (error) {
    bytes.close()
    throw error
  }
}

/** Opens, calls `use`, closes. */
export async function withHdf5<T>(source: H5Origin, use: (file: H5File) => T | Promise<T>): Promise<T> {
  const file = openHdf5(source)
  try {
    return await use(file)
  } finally {
    file.close()
  }
}

/** An open, checked HDF5 file. Close it. */
export class H5File {
  /** The path, or "the given bytes". */
  readonly name: string
  /** Everything in the file. */
  readonly root: H5Group
  readonly #source: ByteSource
  #open = true

  /** Use `openHdf5`. */
  constructor(source: ByteSource) {
    this.name = source.name
    this.#source = source
    const place = { path: '/' }
    this.root = this.#guard(place, () => walk(source, rootAddress(source), place))
  }

  /** The group at a path such as "layers/dense/vars", or undefined. */
  group(path: string): H5Group | undefined {
    const found = this.#find(path)
    return found?.kind === 'group' ? found : undefined
  }

  /** The dataset at a path, or undefined. */
  dataset(path: string): H5Dataset | undefined {
    const found = this.#find(path)
    return found?.kind === 'dataset' ? found : undefined
  }

  /** Names of the attributes of a group or dataset; none when it is absent. */
  attributeNames(path: string): string[] {
    return [...(this.#find(path)?.attributes.keys() ?? [])]
  }

  /** An attribute's text, number, or list of either; undefined when it is absent. */
  attribute(path: string, name: string): H5Value | undefined {
    const read = this.#find(path)?.attributes.get(name)
    return read && this.#guard({ path: `${path}@${name}` }, read)
  }

  /** A dataset's numbers as float32, in C order. Needs the memory of the result and at most one chunk, or 4 MB, more. */
  read(dataset: H5Dataset): Tensor<'float32'> {
    const { type, path, shape } = dataset
    if (type.kind !== 'float' && type.kind !== 'integer')
      throw refusal(this.#source, `"${path}" does not hold numbers, expected floats or integers`)
    if (!dataset.written) throw refusal(this.#source, `the content of "${path}" was never written`)
    return this.#guard(dataset, () => {
      const data = new Float32Array(sizeOf(shape))
      readData(this.#source, { ...dataset, type }, data)
      return { data, shape, dtype: 'float32' }
    })
  }

  /** Ends the use of the file; reading afterwards is an error. Attributes and shapes stay readable. */
  close(): void {
    if (this.#open) this.#source.close()
    this.#open = false
  }

  #find(path: string): H5Group | H5Dataset | undefined {
    let here: H5Group | H5Dataset | undefined = this.root
    for (const name of path.split('/').filter((part) => part !== '')) here = here?.kind === 'group' ? here.children.get(name) : undefined
    return here
  }

  /** What is read past the end of anything, or does not inflate, is damage of the file; every other error passes through. */
  #guard<T>(place: { readonly path: string }, action: () => T): T {
    if (!this.#open) throw new RootstockError('WEIGHTS', `Cannot read ${this.name}: it is closed`)
    try {
      return action()
    } catch (error) {
      if (error instanceof RangeError || errnoOf(error).startsWith('Z_') || errnoOf(error) === 'ERR_BUFFER_TOO_LARGE') {
        throw refusal(this.#source, `it is damaged at "${place.path}" (${messageOf(error)})`)
      }
      throw errnoOf(error) === '' ? error : fileError(error, this.name, { action: 'read' })
    }
  }
}

/** The superblock's pointer to the root group: an entry of a symbol table in versions 0 and 1, an address in 2 and 3. */
function rootAddress(source: ByteSource): number {
  const version = readBlock(source, 8, 1).getUint8(0)
  return readAddress(readBlock(source, [64, 68, 36, 36][version] ?? 0, 8), 0)
}
