/** @file Parts of files that are read when somebody needs them, so that memory does not hold a large file beside what is made of it. */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { RootstockError } from '../errors.ts'
import { fileError } from './file-error.ts'
import { checkSize, openRegularSync, type ReadRegularOptions } from './open-regular.ts'

/** A part of a file as it was when it was looked at. */
export interface FilePart {
  readonly path: string
  /** Where it begins, in bytes. */
  readonly begin: number
  /** In bytes. */
  readonly size: number
  /** Tells the file from one that took its place since. */
  readonly version: string
}

/** A part that is open. */
export interface OpenPart {
  /** Fills `target` from `position` in the part on, as far as the part goes; returns the number of bytes. Throws FILE. */
  read(target: Uint8Array, position: number): number
  close(): void
}

/** `size` bytes from `begin` on of the file at `path`, which is open as `file`. */
export function filePart(file: number, path: string, { begin, size }: Pick<FilePart, 'begin' | 'size'>): FilePart {
  return { path, begin, size, version: versionOf(file) }
}

/** All of a regular file. Throws as `readRegular`. */
export function wholeFile(path: string, options: ReadRegularOptions): FilePart {
  const file = openRegularSync(path, options)
  try {
    const { size } = fstatSync(file)
    checkSize(size, path, options)
    return filePart(file, path, { begin: 0, size })
  } finally {
    closeSync(file)
  }
}

/** The bytes from `begin` to `end` of parts that follow each other. Throws FILE. */
export function readAcross(parts: readonly FilePart[], begin: number, end: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(new ArrayBuffer(end - begin))
  let at = 0
  for (const part of parts) {
    const [from, to] = [Math.max(begin - at, 0), Math.min(end - at, part.size)]
    if (from < to) fill(bytes.subarray(at + from - begin, at + to - begin), part, from)
    at += part.size
  }
  return bytes
}

/** Opens the file again. Throws FILE, also where it is another one now. */
export function openPart({ path, begin, size, version }: FilePart): OpenPart {
  const file = openRegularSync(path)
  if (versionOf(file) !== version) {
    closeSync(file)
    throw new RootstockError('FILE', `Cannot read ${path}: it was changed while it was read`, { hint: 'Try again' })
  }
  return {
    read(target, position) {
      const wanted = target.subarray(0, Math.max(0, Math.min(target.length, size - position)))
      let done = 0
      for (let count = -1; count !== 0 && done < wanted.length; done += count)
        count = readPiece(path, file, wanted.subarray(done), begin + position + done)
      return done
    },
    close: () => void closeSync(file),
  }
}

/** All bytes of a part. Throws FILE. */
export function readPart(part: FilePart): Buffer<ArrayBuffer> {
  return readAcross([part], 0, part.size)
}

/** Fills `target` from the place `from` of a part on. */
function fill(target: Uint8Array, part: FilePart, from: number): void {
  const open = openPart(part)
  try {
    const missing = target.length - open.read(target, from)
    if (missing === 0) return
    throw new RootstockError('FILE', `Cannot read ${part.path}: it became ${missing} bytes shorter while it was read`, {
      hint: 'Try again',
    })
  } finally {
    open.close()
  }
}

/** The system reads at most 2 GB at once. */
function readPiece(path: string, file: number, target: Uint8Array, position: number): number {
  try {
    return readSync(file, target, 0, Math.min(target.length, 2 ** 30), position)
  } catch (error) {
    throw fileError(error, path, { action: 'read' })
  }
}

function versionOf(file: number): string {
  const { dev, ino, size, mtimeMs } = fstatSync(file)
  return [dev, ino, size, mtimeMs].join()
}
