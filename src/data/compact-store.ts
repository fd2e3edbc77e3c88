/** @file Makes the file of the stores as small as what is in it. */
import { rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { removeAtExit } from '../files/index.ts'
import { openStoreFile } from './store-file.ts'
import { storeFile } from './store-name.ts'

const LOOK_MS = 100

/** Gives the space of removed rows back to the disk. False where that cannot be: another process uses the file, or the disk is full. `onProgress` hears of the bytes written. */
export async function compactStoreFile(folder: string, onProgress?: (bytes: number) => void): Promise<boolean> {
  const path = join(folder, storeFile)
  const copy = `${path}.${process.pid}.tmp`
  const { root } = await openStoreFile(folder, () => ({}))
  const isGone = removeAtExit(copy)
  try {
    root.readerCheck()
    const readers = [...root.readerList().matchAll(/^ *(\d+) /gm)]
    if (readers.some(([, pid]) => Number(pid) !== process.pid)) return false
    await watched(root.backup(copy, true), copy, onProgress)
    await root.close()
    // The file of locks goes first: a process that has opened the old pair keeps it to its end.
    await rm(`${path}-lock`, { force: true })
    await rename(copy, path)
    return true
  } catch {
    return false
  } finally {
    await rm(copy, { force: true })
    isGone()
    await root.close()
  }
}

async function watched(copying: Promise<unknown>, copy: string, onProgress: ((bytes: number) => void) | undefined): Promise<void> {
  const look = (): void =>
    void stat(copy).then(
      ({ size }) => onProgress?.(size),
      () => undefined,
    )
  const timer = setInterval(look, LOOK_MS)
  try {
    await copying
  } finally {
    clearInterval(timer)
  }
}
