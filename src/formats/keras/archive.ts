/**
 * @file Opens a `.keras` archive. It is not trusted: nothing is unpacked to disk, only its three known members are read, and their sizes are
 * checked before anything is allocated. Weights that are stored as they are stay where they lie.
 */
import { closeSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { fromFdPromise } from 'yauzl'
import type { Entry, ZipFile } from 'yauzl'
import { RootstockError, messageOf } from '../../errors.ts'
import { errnoOf, fileError, filePart, formatBytes, openRegularSync, type FilePart } from '../../files/index.ts'
import { MOST_JSON, parseJson } from './json.ts'

/** What Keras keeps in an archive. */
export interface KerasArchive {
  /** The model's configuration, objects without prototype. */
  readonly config: unknown
  /** `metadata.json`: who wrote it and when. */
  readonly metadata: unknown
  /** An HDF5 file in the form of `.weights.h5`: where it lies in the archive, or its bytes where they are compressed there. */
  readonly weights: FilePart | Uint8Array
}

const members = ['config.json', 'metadata.json', 'model.weights.h5'] as const
type Member = (typeof members)[number]

/** Deflate reaches about 1,000; weights and JSON stay below 20. */
const MOST_RATIO = 100
const MOST_BYTES = 4 * 2 ** 30
/** Keras may add assets, of which there are a few. */
const MOST_MEMBERS = 10_000

/** Reads an archive. Throws FILE when it cannot be read, FORMAT when it is damaged or not what Keras writes. */
export async function readKerasArchive(path: string): Promise<KerasArchive> {
  const file = openRegularSync(path, { expected: 'a .keras archive' })
  try {
    const zip = await openZip(file)
    try {
      return await readMembers(zip, file, path)
    } finally {
      zip.close()
    }
  } catch (error) {
    if (error instanceof RootstockError) throw error
    if (/^E[A-Z]+$/u.test(errnoOf(error))) throw fileError(error, path, { action: 'read' })
    throw refuse(path, `it is damaged or no zip archive (${messageOf(error)})`, error)
  }
}

/** Closes the file where it is no zip; else the zip does, when nobody reads any more. */
async function openZip(file: number): Promise<ZipFile> {
  try {
    // A zip's own end record says how long its directory is, so it is read entry by entry.
    return await fromFdPromise(file, { lazyEntries: true, strictFileNames: true, validateEntrySizes: true, autoClose: false })
  } catch (error) {
    closeSync(file)
    throw error
  }
}

async function readMembers(zip: ZipFile, file: number, path: string): Promise<KerasArchive> {
  if (zip.entryCount > MOST_MEMBERS) throw refuse(path, `it has ${zip.entryCount.toLocaleString('en-US')} members, expected three`)
  const found = new Map<string, Entry>()
  let total = 0
  for await (const entry of zip.eachEntry()) {
    checkEntry(entry, path)
    if (found.has(entry.fileName)) throw refuse(path, `it has two members called "${entry.fileName}"`)
    found.set(entry.fileName, entry)
    total += entry.uncompressedSize
    if (total > MOST_BYTES) throw refuse(path, `its members are larger than ${formatBytes(MOST_BYTES)} together`)
  }
  const entryOf = (name: Member): Entry => {
    const entry = found.get(name)
    if (!entry) throw refuse(path, `"${name}" is missing, expected ${members.join(', ')}`)
    return entry
  }
  const read = (name: Member): Promise<Buffer> => {
    const entry = entryOf(name)
    if (entry.uncompressedSize > MOST_JSON)
      throw refuse(path, `"${name}" has ${formatBytes(entry.uncompressedSize)}, expected at most ${formatBytes(MOST_JSON)}`)
    return readEntry(zip, entry, path)
  }
  const config = parseJson((await read('config.json')).toString('utf8'), `config.json of ${path}`)
  const metadata = parseJson((await read('metadata.json')).toString('utf8'), `metadata.json of ${path}`)
  const weights = entryOf('model.weights.h5')
  if (weights.compressionMethod !== 0) return { config, metadata, weights: await readEntry(zip, weights, path) }
  await eachPiece(zip, weights, { path, use: () => undefined })
  const { fileDataStart: begin } = await zip.readLocalFileHeaderPromise(weights)
  return { config, metadata, weights: filePart(file, path, { begin, size: weights.uncompressedSize }) }
}

/** Names that climb out, absolute ones and backslashes are refused by yauzl. */
function checkEntry({ fileName, compressedSize, uncompressedSize, externalFileAttributes, ...entry }: Entry, path: string): void {
  const mode = (externalFileAttributes >>> 16) & 0o170000
  if (mode === 0o120000) throw refuse(path, `"${fileName}" is a symbolic link`)
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw refuse(path, `"${fileName}" is encrypted`)
  if (uncompressedSize > MOST_RATIO * Math.max(compressedSize, 16)) {
    throw refuse(path, `"${fileName}" would grow from ${formatBytes(compressedSize)} to ${formatBytes(uncompressedSize)}`)
  }
}

async function readEntry(zip: ZipFile, entry: Entry, path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(entry.uncompressedSize)
  await eachPiece(zip, entry, { path, use: (piece, at) => void piece.copy(bytes, at) })
  return bytes
}

/** Shows `use` the bytes of an entry in order, and compares them with its checksum, which Node has no function for before 20.15. */
async function eachPiece(
  zip: ZipFile,
  entry: Entry,
  { path, use }: { readonly path: string; readonly use: (piece: Buffer, at: number) => void },
): Promise<void> {
  let [at, checksum] = [0, 0]
  for await (const piece of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    use(piece, at)
    at += piece.length
    checksum = zlib.crc32?.(piece, checksum) ?? entry.crc32
  }
  if (at !== entry.uncompressedSize || checksum !== entry.crc32)
    throw refuse(path, `"${entry.fileName}" is damaged: its checksum does not fit`)
}

function refuse(path: string, found: string, cause?: unknown): RootstockError {
  return new RootstockError('FORMAT', `Cannot read ${path}: ${found}`, {
    hint: 'Get the file again from where it came, or use another one',
    cause,
  })
}
