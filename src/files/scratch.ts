/** @file A file without a name, for what a process can do without in its memory for a while. It is gone when the process is. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { temporaryBeside } from './atomic-write.ts'
import { fileError } from './file-error.ts'
import { makeFolder } from './make-folder.ts'

/** Bytes on a disk that nobody else can reach. */
export interface Scratch {
  /** Puts the bytes of an array at that place, counted in bytes. Throws FILE. */
  write(from: ArrayBufferView, place: number): void
  /** Fills `into` from that place on. Throws FILE, also where nothing was written. */
  read(into: ArrayBufferView, place: number): void
  /** Frees the disk at once. */
  close(): void
}

const closing = new FinalizationRegistry<number>(closeSync)

/** Makes one in `folder`; it is closed when nobody holds it any more. Throws FILE. */
export function openScratch(folder: string): Scratch {
  const path = temporaryBeside(join(folder, 'scratch'))
  const fd = openWithoutName(path)
  const scratch: Scratch = {
    write(from, place) {
      const bytes = bytesOf(from)
      for (let done = 0; done < bytes.length;)
        done += attempt(path, 'write', () => writeSync(fd, bytes, done, bytes.length - done, place + done))
    },
    read(into, place) {
      const bytes = bytesOf(into)
      for (let done = 0; done < bytes.length;) {
        const count = attempt(path, 'read', () => readSync(fd, bytes, done, bytes.length - done, place + done))
        if (count === 0) throw new RootstockError('FILE', `Cannot read ${path}: it ends ${bytes.length - done} bytes too soon`)
        done += count
      }
    },
    close() {
      // Its number may be another file's by the second time.
      if (closing.unregister(scratch)) closeSync(fd)
    },
  }
  closing.register(scratch, fd, scratch)
  return scratch
}

/** One in `folder`, as `fill` leaves it; undefined, and none, where the disk refuses. */
export function scratchWith(folder: string, fill: (scratch: Scratch) => void): Scratch | undefined {
  let scratch: Scratch | undefined
  try {
    scratch = openScratch(folder)
    fill(scratch)
    return scratch
  } catch (error) {
    scratch?.close()
    if (error instanceof RootstockError) return undefined
    throw error
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function openWithoutName(path: string): number {
  return attempt(path, 'write', () => {
    makeFolder(join(path, '..'))
    const fd = openSync(path, 'wx+', 0o600)
    unlinkSync(path)
    return fd
  })
}

function attempt<T>(path: string, action: 'read' | 'write', work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw fileError(error, path, { action })
  }
}
