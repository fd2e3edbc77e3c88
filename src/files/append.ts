/** @file Files that grow by whole pieces, such as logs: a piece is there with all its bytes, or not at all. */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { fileError } from './file-error.ts'
import { makeFolder } from './make-folder.ts'

/** The operations of the file system that appending goes through; tests put faults here. */
export type AppendFileSystem = Pick<typeof fs, 'mkdirSync' | 'openSync' | 'fstatSync' | 'writeSync' | 'ftruncateSync' | 'closeSync'>

export interface AppendOptions {
  /** Bytes of the file that stay; what lies after them is cut off first. Default: all of it. */
  readonly at?: number
  /** The file system; the machine's by default. */
  readonly system?: AppendFileSystem
}

/**
 * Adds `bytes` to the end of `path` and returns the file's size in bytes; file and folders are made. The file is not held open.
 * Throws FILE (no space, no permission, …) with the file as long as it was.
 */
export function appendWhole(path: string, bytes: Uint8Array | string, { at, system = fs }: AppendOptions = {}): number {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  try {
    makeFolder(dirname(path), (folder) => system.mkdirSync(folder))
    const fd = system.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o666)
    try {
      const found = system.fstatSync(fd).size
      const start = Math.min(at ?? found, found)
      if (start < found) system.ftruncateSync(fd, start)
      return writeOrCut(system, fd, { data, start })
    } finally {
      system.closeSync(fd)
    }
  } catch (error) {
    throw fileError(error, path, { action: 'write', bytes: data.length })
  }
}

/** `write` may store less than it was given without an error, so each call's count is checked. */
function writeOrCut(system: AppendFileSystem, fd: number, { data, start }: { data: Uint8Array; start: number }): number {
  try {
    for (let done = 0; done < data.length;) {
      const count = system.writeSync(fd, data, done, data.length - done, start + done)
      if (count <= 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' })
      done += count
    }
  } catch (error) {
    system.ftruncateSync(fd, start)
    throw error
  }
  return start + data.length
}
