/** @file Writes a file whole or not at all: a temporary file beside the target, every byte checked, fsync, rename, fsync of the folder. */
import { createHash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { errnoOf, fileError } from './file-error.ts'
import { removeAtExit } from './leftovers.ts'
import { makeFolder } from './make-folder.ts'

/** What `atomicWrite` takes: all bytes at once, or pieces in order, which may say how many bytes they have together. */
export type Bytes = Uint8Array | ((Iterable<Uint8Array> | AsyncIterable<Uint8Array>) & { readonly length?: number })

/** The operations of the file system that a write goes through; tests put faults here. */
export type FileSystem = Pick<
  typeof fs,
  'openSync' | 'writeSync' | 'fsyncSync' | 'fstatSync' | 'ftruncateSync' | 'readSync' | 'closeSync' | 'renameSync' | 'unlinkSync'
>

/** The file that a writer fills before it takes the target's name. */
export interface TemporaryFile {
  /** Writes all of `bytes` at `position` (in bytes), or throws. */
  write(bytes: Uint8Array, position: number): void
  /** Reads what was written into `bytes`; returns how many bytes there were. */
  read(bytes: Uint8Array, position: number): number
  /** Cuts or extends the file. */
  truncate(size: number): void
  /** Bytes in the file now. */
  size(): number
}

/**
 * Writes `bytes` to `path`. A reader sees the old file or the new one, never a mix, also after a crash; missing folders are made.
 * Throws FILE (no space, no permission, …) with the old file untouched and the temporary file removed.
 */
export async function atomicWrite(path: string, bytes: Bytes, system: FileSystem = fs): Promise<void> {
  const needed = Array.isArray(bytes) ? undefined : bytes.length
  await atomicWriteWith(path, (file) => fill(file, bytes), { system, needed })
}

/** `atomicWrite` without waiting for anything: for exit handlers and small files. */
export function atomicWriteSync(path: string, bytes: Uint8Array | string, system: FileSystem = fs): void {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const write = begin(path, { system, needed: data.length })
  try {
    write.file.write(data, 0)
    write.commit(data.length)
  } catch (error) {
    throw write.abandon(error)
  }
}

/** Options of `atomicWriteWith`. */
export interface AtomicWriteOptions {
  /** The file system; the machine's by default. */
  readonly system?: FileSystem
  /** How many bytes the file needs, for the message when there is no space. */
  readonly needed?: number | undefined
}

/** Like `atomicWrite`, for writers that need positions: `fill` gets the temporary file, and what it wrote takes the target's name. */
export async function atomicWriteWith(
  path: string,
  fill: (file: TemporaryFile) => void | Promise<void>,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const write = begin(path, options)
  try {
    await fill(write.file)
    write.commit(write.file.size())
  } catch (error) {
    throw write.abandon(error)
  }
}

/**
 * Removes temporary files in `folder` that writers of this machine left behind when they were killed; returns their names. In a folder that is not
 * locked, `untouchedMs` spares those of containers, which have this machine's name and processes that are not seen from here. Throws FILE.
 */
export function sweepTemporaries(folder: string, { untouchedMs = 0 }: { readonly untouchedMs?: number } = {}): string[] {
  const isOld = (name: string): boolean => {
    const found = untouchedMs > 0 ? fs.statSync(join(folder, name), { throwIfNoEntry: false }) : undefined
    return !found || Date.now() - found.mtimeMs >= untouchedMs
  }
  try {
    const stale = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => isStale(name) && isOld(name)) : []
    for (const name of stale) fs.rmSync(join(folder, name), { force: true })
    return stale
  } catch (error) {
    throw fileError(error, folder, { action: 'tidy up' })
  }
}

/** A new name beside `path` that `sweepTemporaries` knows. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), temporaryName(basename(path)))
}

/** What is there cannot be replaced by a file. */
export function notRegular(path: string): RootstockError {
  return new RootstockError('FILE', `Cannot write ${path}: it is not a regular file`, { hint: 'Name a file that can be replaced' })
}

async function fill(file: TemporaryFile, bytes: Bytes): Promise<void> {
  await writePieces(file, bytes instanceof Uint8Array ? [bytes] : bytes)
}

/** Writes pieces one after the other from `begin` on, and says where they end. */
export async function writePieces(
  file: TemporaryFile,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  begin = 0,
): Promise<number> {
  let position = begin
  for await (const piece of pieces) {
    file.write(piece, position)
    position += piece.length
  }
  return position
}

interface Write {
  readonly file: TemporaryFile
  commit(size: number): void
  abandon(error: unknown): unknown
}

function begin(path: string, { system = fs, needed }: AtomicWriteOptions): Write {
  let written = 0
  const failure = (error: unknown): unknown =>
    errnoOf(error) === '' ? error : fileError(error, path, { action: 'write', bytes: needed ?? written })
  const { target, temporary, fd } = openTemporary(path, system, failure)
  const isSafe = removeAtExit(temporary)
  let closed = false
  const close = () => {
    if (!closed) system.closeSync(fd)
    closed = true
  }
  return {
    file: {
      write(bytes, position) {
        written = Math.max(written, position + bytes.length)
        writeAll(system, fd, bytes, position)
      },
      read: (bytes, position) => system.readSync(fd, bytes, 0, bytes.length, position),
      truncate: (size) => system.ftruncateSync(fd, size),
      size: () => system.fstatSync(fd).size,
    },
    commit(size) {
      const found = system.fstatSync(fd).size
      if (found !== size) throw new RootstockError('FILE', `Cannot write ${path}: ${found} of ${size} bytes reached the disk`)
      system.fsyncSync(fd)
      close()
      const release = holdOld(target)
      try {
        system.renameSync(temporary, target)
      } finally {
        release()
      }
      isSafe()
      syncFolder(dirname(target), system)
    },
    abandon(error) {
      quietly(close)
      quietly(() => system.unlinkSync(temporary))
      isSafe()
      return failure(error)
    },
  }
}

/**
 * Keeps the file open that will be replaced, until a thread of Node's pool closes it: giving back the memory of a large one takes the system
 * 20 ms per 100 MB, for which the rename would wait. Windows does not rename over open files.
 */
function holdOld(path: string): () => void {
  if (process.platform === 'win32') return () => undefined
  try {
    const fd = fs.openSync(path, 'r')
    return () => fs.close(fd, () => undefined)
  } catch {
    return () => undefined
  }
}

/** Opens the temporary file in the target's own folder, where a rename never crosses devices, with the mode of the file it replaces. */
function openTemporary(path: string, system: FileSystem, failure: (error: unknown) => unknown): Opened {
  try {
    makeFolder(dirname(path))
    const old = fs.statSync(path, { throwIfNoEntry: false })
    if (old && !old.isFile()) throw notRegular(path)
    const target = old ? fs.realpathSync(path) : path
    const temporary = temporaryBeside(target)
    return { target, temporary, fd: system.openSync(temporary, 'wx+', old ? old.mode & 0o777 : 0o666) }
  } catch (error) {
    throw failure(error)
  }
}

interface Opened {
  readonly target: string
  readonly temporary: string
  readonly fd: number
}

/** `write` may store less than it was given without an error, so each call's count is checked. */
function writeAll(system: FileSystem, fd: number, bytes: Uint8Array, position: number): void {
  let done = 0
  while (done < bytes.length) {
    const count = system.writeSync(fd, bytes, done, bytes.length - done, position + done)
    if (count <= 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' })
    done += count
  }
}

/** The rename itself must survive a power cut. Some systems cannot sync a folder; there the rename is all there is. */
function syncFolder(folder: string, system: FileSystem): void {
  if (process.platform === 'win32') return
  const fd = system.openSync(folder, 'r')
  try {
    system.fsyncSync(fd)
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(errnoOf(error))) throw error
  } finally {
    system.closeSync(fd)
  }
}

/** ".name.<machine>-<process>-<random>.tmp", short enough for the 255 bytes of a file name. */
function temporaryName(name: string): string {
  return `.${[...name].slice(0, 40).join('')}.${machine()}-${process.pid}-${randomBytes(4).toString('hex')}.tmp`
}

function isStale(name: string): boolean {
  const match = /^\..*\.([0-9a-f]+)-(\d+)-[0-9a-f]{8}\.tmp$/u.exec(name)
  return match !== null && match[1] === machine() && !isAlive(Number(match[2]))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

function machine(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
}

/** After a failure the first error counts; what cleaning up throws on top of it does not. */
function quietly(action: () => void): void {
  try {
    action()
  } catch {
    // The error that led here is reported.
  }
}
