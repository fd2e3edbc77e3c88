/**
 * @file Features on disk, kept from run to run: LMDB, one entry per photo, trunk and view.
 *
 * A key names everything that the numbers depend on (the photo's content, the trunk's graph and weights, how the photo is
 * read), so an entry can never be out of date: what changes has another key. LMDB is crash-safe and shared by processes.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Database } from 'lmdb'
import { z } from 'zod'
import { RootstockError } from '../errors.ts'
import { cacheHome } from '../files/index.ts'
import { fromHalves, toHalves } from '../tensor/index.ts'
import { memoryHashCache } from './hash-cache.ts'
import type { HashCache } from './hash-cache.ts'
import { batchWriter, openStoreFile, reasonOf, type OpenFile } from './store-file.ts'

/** One trunk's part of the store. */
export interface StoredTrunk {
  /** Of the trunk's graph, weights and photo reading. */
  readonly key: string
  /** For people: network, size. */
  readonly title: string
  /** Photos and views stored. */
  readonly entries: number
  /** Bytes of its features. */
  readonly bytes: number
  /** When its first features were kept. */
  readonly created: string
  /** When it was opened last. */
  readonly lastUsed: string
}

/** How numbers are stored: whole, or rounded to half the bits. Default 'float32'. */
export type StoredPrecision = 'float32' | 'float16'

/** What the features of one photo are filed under. */
export interface FeatureEntry {
  /** The trunk that computed it: the hash of its graph and weights. */
  readonly trunk: string
  /** SHA-256 of the photo's bytes, in hexadecimal. */
  readonly photo: string
  /** Default 0. */
  readonly view?: number
  /** How the numbers are kept. */
  readonly precision?: StoredPrecision
}

/** A store that is open. */
export interface FeatureStore {
  /** Where it lies. */
  readonly folder: string
  /** Tells of a damaged store that lay there before; it was removed, and this one begins empty. */
  readonly damage: string | undefined
  /** The features of a photo, or undefined where they are not stored (or damaged). */
  get(entry: FeatureEntry): Float32Array | undefined
  /** Stores one photo's features; they are safe on disk after `flush`. */
  put(entry: FeatureEntry, values: Float32Array): void
  /** Notes that a trunk is used now. */
  use(trunk: string, title: string): Promise<void>
  /** Waits until everything put so far is on disk. Code FILE where the disk is full or broken. */
  flush(): Promise<void>
  /** What is kept, by trunk. */
  trunks(): StoredTrunk[]
  /** Removes one trunk's features, or all, telling how many entries are gone so far. Returns the number of entries removed. */
  prune(trunk?: string, onProgress?: (removed: number) => void): Promise<number>
  /** Ends pending writes and closes the files. */
  close(): Promise<void>
}

/** `$ROOTSTOCK_CACHE`, else `$XDG_CACHE_HOME/rootstock`, else `~/.cache/rootstock`; features lie in the folder `features` inside. */
export function featureFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(cacheHome(environment), 'features')
}

/** Where fingerprints are kept between runs; a store that cannot be used keeps none. */
export async function openHashCache(folder = featureFolder()): Promise<{
  /** The hashes. */
  readonly cache: HashCache
  /** Closes the files. */
  readonly close: () => Promise<void>
  /** Tells of a damaged store that lay there before; it was removed. */
  readonly damage?: string | undefined
}> {
  try {
    const { root, damage, prints } = await openStoreFile(folder, (root) => ({
      prints: root.openDB<string, string>({ name: 'prints', encoding: 'string' }),
    }))
    const writer = batchWriter(prints)
    const close = async (): Promise<void> => {
      try {
        writer.flush()
      } catch {
        // What is not kept is computed again.
      }
      await root.close()
    }
    const cache = { get: (contentHash: string) => prints.get(contentHash), put: writer.put }
    return { /** The hashes. */ cache, /** Closes the files. */ close, /** What was wrong before. */ damage }
  } catch {
    return { /** The hashes. */ cache: memoryHashCache(), /** Closes the files. */ close: () => Promise.resolve() }
  }
}

type Note = Readonly<z.infer<typeof note>>

/** Opens (or makes) the store. Code FILE where that is not possible. */
export async function openFeatureStore(folder = featureFolder()): Promise<FeatureStore> {
  const parts = await openStoreFile(folder, (root) => ({
    rows: root.openDB<Buffer, Buffer>({ name: 'rows', encoding: 'binary', keyEncoding: 'binary' }),
    notes: root.openDB<string, string>({ name: 'trunks', encoding: 'string' }),
  }))
  return makeStore(folder, parts)
}

interface Parts extends OpenFile {
  readonly rows: Database<Buffer, Buffer>
  /** As JSON. */
  readonly notes: Database<string, string>
}

function makeStore(folder: string, { root, damage, rows, notes }: Parts): FeatureStore {
  const writer = batchWriter(rows)
  return {
    folder,
    damage,
    get({ precision = 'float32', ...entry }) {
      const found = rows.get(rowKey(entry))
      return found && valuesOf(found, precision)
    },
    put({ precision = 'float32', ...entry }, values) {
      writer.put(rowKey(entry), entryOf(values, precision))
    },
    use: (trunk, title) =>
      written(folder, () => {
        const now = new Date().toISOString()
        const note: Note = { title, created: noteOf(notes.get(trunk))?.created ?? now, lastUsed: now }
        notes.putSync(trunk, JSON.stringify(note))
      }),
    flush: () => written(folder, writer.flush),
    trunks: () => [...notes.getRange()].map(({ key, value }) => ({ key, ...(noteOf(value) ?? unreadable), ...usage(rows, key) })),
    async prune(trunk, onProgress) {
      const wanted = trunk === undefined ? [...notes.getKeys()] : [trunk]
      let removed = 0
      await written(folder, () =>
        root.transactionSync(() => {
          for (const key of wanted) {
            const keys = [...rows.getKeys(rangeOf(key))]
            for (const row of keys) {
              rows.removeSync(row)
              removed++
              onProgress?.(removed)
            }
            notes.removeSync(key)
          }
        }),
      )
      return removed
    },
    close: () => root.close(),
  }
}

const note = z.object({ title: z.string(), created: z.string(), lastUsed: z.string() })
const unreadable: Note = { title: 'unknown', created: '', lastUsed: '' }

/** A note, unless it is damaged. */
function noteOf(text: string | undefined): Note | undefined {
  try {
    return note.parse(JSON.parse(text ?? ''))
  } catch {
    return undefined
  }
}

/** Runs what writes. Code FILE where the disk is full or broken. */
async function written(folder: string, write: () => void): Promise<void> {
  try {
    await Promise.resolve(write())
  } catch (error) {
    throw new RootstockError('FILE', `Cannot store features in ${folder}: ${reasonOf(error)}`, {
      cause: error,
      hint: `Free some space: run "rootstock cache --prune", or delete ${folder}`,
    })
  }
}

/** 16 bytes of the trunk, 16 of the photo, 4 of the view: entries of one trunk lie together. */
function rowKey({ trunk, photo, view = 0 }: FeatureEntry): Buffer {
  const key = Buffer.alloc(36)
  digest(trunk).copy(key, 0)
  digest(photo).copy(key, 16)
  key.writeUInt32BE(view, 32)
  return key
}

function rangeOf(trunk: string): { start: Buffer; end: Buffer } {
  const start = Buffer.concat([digest(trunk), Buffer.alloc(20)])
  const end = Buffer.concat([digest(trunk), Buffer.alloc(21, 0xff)])
  return { start, end }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest().subarray(0, 16)

/** The values behind a checksum, so that a damaged entry is computed again instead of believed. */
function entryOf(values: Float32Array, precision: StoredPrecision): Buffer {
  const numbers = precision === 'float16' ? toHalves(values) : values
  const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  return Buffer.concat([checksum(bytes), bytes])
}

function valuesOf(entry: Buffer, precision: StoredPrecision): Float32Array | undefined {
  const bytes = entry.subarray(8)
  if (bytes.length % (precision === 'float16' ? 2 : 4) !== 0 || !checksum(bytes).equals(entry.subarray(0, 8))) return undefined
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  return precision === 'float16' ? fromHalves(new Uint16Array(copy)) : new Float32Array(copy)
}

const checksum = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest().subarray(0, 8)

/** The entries of a trunk are equally long, so the first one tells the size of all: values may be gigabytes. */
function usage(rows: Database<Buffer, Buffer>, trunk: string): { entries: number; bytes: number } {
  // LMDB writes into the options that it is given, so each call has its own.
  const entries = rows.getKeysCount(rangeOf(trunk))
  const [first] = rows.getRange({ ...rangeOf(trunk), limit: 1 })
  return { entries, bytes: entries * ((first?.value.length ?? 0) + 36) }
}
