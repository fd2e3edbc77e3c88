/**
 * @file The file of the stores: LMDB, opened so that every write that returns is on disk, and written in batches.
 *
 * Only synchronous transactions are used. On a full disk the asynchronous ones of lmdb 3.5 reject promises that nobody holds, which ends
 * the process, and their `flushed` never settles.
 */
import { rmSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, Key, RootDatabase } from 'lmdb'
import { RootstockError, messageOf } from '../errors.ts'
import { makeFolder } from '../files/index.ts'
import { storeDamage } from './store-damage.ts'
import { storeFile } from './store-name.ts'

/** Bytes that wait for the next transaction, at most: what a killed process loses. */
const batchBytes = 1024 * 1024

/**
 * Addresses that the file may take before LMDB has to look for more: what it read until then stays in memory once more (17 of 36 MB). Windows makes files
 * as large as their addresses.
 */
const addresses = process.platform === 'win32' ? {} : { mapSize: 2 ** 30 }

/** Bytes of an empty store. */
const leastRoom = 64 * 1024

/** What every store is told of its file. */
export interface OpenFile {
  readonly root: RootDatabase
  /** Tells of a damaged file that lay there; it is removed, since all of it can be computed again. */
  readonly damage: string | undefined
}

/** Opens (or makes) the file and what `parts` asks of it. Code FILE where that is not possible. */
export async function openStoreFile<T>(folder: string, parts: (root: RootDatabase) => T): Promise<OpenFile & T> {
  const { open } = await import('lmdb')
  let root: RootDatabase | undefined
  try {
    makeFolder(folder)
    const damage = removeDamaged(folder)
    refuseFullDisk(folder)
    root = open({ path: join(folder, storeFile), maxDbs: 4, noMemInit: true, encoding: 'binary', overlappingSync: false, ...addresses })
    const opened = { root, damage, ...parts(root) }
    // The first reading enters the process into LMDB's table of readers, by which others know that the file is in use.
    root.get('')
    return opened
  } catch (error) {
    await root?.close()
    throw new RootstockError('FILE', `Cannot open the feature store ${folder}: ${reasonOf(error)}`, {
      cause: error,
      hint: 'Set ROOTSTOCK_CACHE to a folder that can be written',
    })
  }
}

/** The file of locks goes first: a process that has opened the old pair keeps it to its end. */
function removeDamaged(folder: string): string | undefined {
  const damage = storeDamage(folder)
  if (damage === undefined) return undefined
  rmSync(join(folder, `${storeFile}-lock`), { force: true })
  rmSync(join(folder, storeFile), { force: true })
  return `The feature store ${folder} was damaged (${damage}) and is removed; features are computed again`
}

/** LMDB writes its file of locks through memory: where the disk has no room for a new one, the process is killed (SIGBUS) instead of told. */
function refuseFullDisk(folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < leastRoom && !statSync(join(folder, `${storeFile}-lock`), { throwIfNoEntry: false }))
    throw new Error('no space is left on the disk')
}

/** LMDB's words without its addresses in memory. */
export const reasonOf = (error: unknown): string => messageOf(error).replace(/: Attempting .*$/, '')

/** Rows on their way to the disk. */
export interface BatchWriter<K, V> {
  /** Keeps a row for the next transaction. */
  readonly put: (key: K, value: V) => void
  /** Writes what waits. Throws what the first transaction that failed threw; nothing is tried after it. */
  readonly flush: () => void
}

/** Collects rows of `table` and writes them together. */
export function batchWriter<K extends Key, V extends Buffer | string>(table: Database<V, K>): BatchWriter<K, V> {
  let waiting: (readonly [K, V])[] = []
  let bytes = 0
  let failure: Error | undefined
  const write = (): void => {
    const batch = waiting
    waiting = []
    bytes = 0
    if (batch.length === 0 || failure) return
    try {
      table.transactionSync(() => {
        for (const [key, value] of batch) table.putSync(key, value)
      })
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
    }
  }
  return {
    put(key, value) {
      waiting.push([key, value])
      bytes += value.length
      if (bytes >= batchBytes) write()
    },
    flush() {
      write()
      if (failure) throw failure
    },
  }
}
