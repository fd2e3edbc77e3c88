/** @file Makes the file of the stores as small as what is in it. */
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openStoreFile } from './store-file.ts'
import { storeFile } from './store-name.ts'

/** Gives the space of removed rows back to the disk. False where that cannot be: another process uses the file, or the disk is full. */
export async function compactStoreFile(folder: string): Promise<boolean> {
  const path = join(folder, storeFile)
  const copy = `${path}.${process.pid}.tmp`
  const { root } = await openStoreFile(folder, () => ({}))
  try {
    root.readerCheck()
    const readers = [...root.readerList().matchAll(/^ *(\d+) /gm)]
    if (readers.some(([, pid]) => Number(pid) !== process.pid)) return false
    await root.backup(copy, true)
    await root.close()
    // The file of locks goes first: a process that has opened the old pair keeps it to its end.
    await rm(`${path}-lock`, { force: true })
    await rename(copy, path)
    return true
  } catch {
    return false
  } finally {
    await rm(copy, { force: true })
    await root.close()
  }
}
