/** @file Walks a photo folder: sorted by bytes as Keras sorts, without hidden files, runs, loops of links or anything but regular files. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, basename, resolve, extname } from 'node:path'
import type { BigIntStats, Dirent } from 'node:fs'
import { nearestNames, RootstockError } from '../errors.ts'
import { explained, systemCode, systemReason } from './failures.ts'
import { isInside, joinPath, printableName, textOf } from './names.ts'
import { PICTURE_EXTENSIONS } from './picture-extensions.ts'
import { isOfRuns, isPrepared, OF_COPIES, OF_RUNS } from './run-folders.ts'

/** A file or folder that was left out, and why. */
export interface Skipped {
  /** Its path, printable. */
  readonly path: string
  /** Why it is left out, in words. */
  readonly reason: string
}

/** What a scan may touch. */
export interface ScanOptions {
  /** Whether links to places outside the folder, and below a class links to folders, are followed; default false. */
  readonly followLinks?: boolean
  /** Extensions with their dot, in lower case; default PICTURE_EXTENSIONS. */
  readonly extensions?: readonly string[]
}

/** A name inside a folder, byte for byte. */
export interface Entry {
  readonly name: Buffer
  readonly path: Buffer
  readonly isLink: boolean
}

/** One folder's direct contents. */
export interface Listing {
  readonly folders: readonly Entry[]
  readonly pictures: readonly Entry[]
}

/** Reads folders below one root and notes what it left out. */
export interface Scanner {
  readonly root: Buffer
  readonly skipped: Skipped[]
  /** The direct contents of a folder, each kind sorted by name. */
  list(folder: Buffer): Promise<Listing>
  /**
   * Every picture below `folder`. Links to pictures count; links to folders, as in Keras, are entered only where links are followed, and never into
   * a folder that is among `claimed` (by identity) or was entered already.
   */
  walk(folder: Buffer, claimed: ReadonlySet<string>): Promise<Buffer[]>
  /** Device and inode: what makes a folder the same folder under two names. */
  identity(folder: Buffer): Promise<string>
}

/** A scanner for an existing folder, blind to the folder `without`; code DATA where it is missing, not a folder or not readable. */
export async function openScanner(path: string, options: ScanOptions = {}, without?: string): Promise<Scanner> {
  await checkFolder(path)
  const root = Buffer.from(path.length > 1 ? path.replace(/[/\\]+$/, '') || path : path)
  const real = await realpath(root, { encoding: 'buffer' })
  const extensions = new Set((options.extensions ?? PICTURE_EXTENSIONS).map((extension) => extension.toLowerCase()))
  const skipped: Skipped[] = []
  const isAllowed = async (link: Buffer): Promise<boolean> =>
    options.followLinks === true || isInside(await realpath(link, { encoding: 'buffer' }), real)
  const list = (folder: Buffer): Promise<Listing> => listFolder(folder, { extensions, skipped, isAllowed, without })
  const entersLinks = options.followLinks === true
  const walk = (folder: Buffer, claimed: ReadonlySet<string>): Promise<Buffer[]> =>
    walkFolder({ list, skipped, entersLinks }, folder, claimed)
  return { root, skipped, list, walk, identity }
}

async function checkFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    return explained('DATA', 'read the folder', path, () => Promise.reject(error as Error))
  })
  const shown = printableName(path)
  if (!found) {
    const hint = path.includes('\ufffd') ? NOT_UTF8 : await nearestHint(path)
    throw new RootstockError('DATA', `Cannot read "${shown}": there is no such folder`, { hint })
  }
  if (!found.isDirectory()) {
    throw new RootstockError('DATA', `Cannot read "${shown}": found a file, expected a folder with one folder of photos per class`, {
      hint: `Give the folder that holds the class folders, such as "${printableName(dirname(dirname(path)))}"`,
    })
  }
}

const NOT_UTF8 = 'A name in it is not UTF-8, which no argument can hold: rename that, or give the path of a link to the folder (ln -s)'

async function nearestHint(path: string): Promise<string> {
  const near = (await neighbours(path)).map((name) => `"${printableName(name)}"`)
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'Check the spelling of the path'
}

async function neighbours(path: string): Promise<string[]> {
  const parent = dirname(resolve(path))
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => [])
  return nearestNames(
    basename(path),
    entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name),
  ).map((name) => (dirname(path) === '.' ? name : `${dirname(path)}/${name}`))
}

interface ListContext {
  readonly extensions: ReadonlySet<string>
  readonly skipped: Skipped[]
  /** Absolute. */
  readonly without: string | undefined
  isAllowed(link: Buffer): Promise<boolean>
}

async function listFolder(folder: Buffer, context: ListContext): Promise<Listing> {
  const entries = await explained('DATA', 'read the folder', folder, () => readdir(folder, { encoding: 'buffer', withFileTypes: true }))
  const folders: Entry[] = []
  const pictures: Entry[] = []
  const isPicture = (name: Buffer): boolean => context.extensions.has(extname(textOf(name)).toLowerCase())
  const beside = new Set(entries.flatMap((entry) => (entry.isDirectory() ? [entry.name.toString('latin1')] : [])))
  for (const entry of entries.sort((a, b) => Buffer.compare(a.name, b.name))) {
    if (entry.name[0] === 0x2e) continue
    const path = joinPath(folder, entry.name)
    const kind = await kindOf(entry, path, context)
    const found: Entry = { name: entry.name, path, isLink: entry.isSymbolicLink() }
    if (kind === 'folder' && resolve(textOf(path)) === context.without) continue
    if (kind === 'folder' && (await isOfRuns(path, isPicture))) context.skipped.push({ path: printableName(path), reason: OF_RUNS })
    else if (kind === 'folder' && (await isPrepared(path, beside))) context.skipped.push({ path: printableName(path), reason: OF_COPIES })
    else if (kind === 'folder') folders.push(found)
    else if (kind === 'file' && isPicture(entry.name)) pictures.push(found)
    else context.skipped.push({ path: printableName(path), reason: kind === 'file' ? 'not a picture by its name' : kind })
  }
  return { folders, pictures }
}

/** "folder", "file", or the reason why the entry is left out. */
async function kindOf(entry: Dirent<Buffer>, path: Buffer, context: ListContext): Promise<string> {
  if (!entry.isSymbolicLink()) return nameKind(entry)
  try {
    const target = await stat(path)
    if (await context.isAllowed(path)) return nameKind(target)
    return 'a link that leads out of the folder (followed with --follow-links, in code followLinks)'
  } catch (error) {
    const reason = systemReason(error)
    if (reason === undefined) throw error
    return `a link that leads nowhere: ${reason}`
  }
}

function nameKind(entry: Pick<Dirent<Buffer>, 'isDirectory' | 'isFile' | 'isFIFO' | 'isSocket'>): string {
  if (entry.isDirectory()) return 'folder'
  if (entry.isFile()) return 'file'
  if (entry.isFIFO()) return 'a named pipe, not a file'
  return entry.isSocket() ? 'a socket, not a file' : 'a device, not a file'
}

async function identity(folder: Buffer): Promise<string> {
  const { dev, ino }: BigIntStats = await explained('DATA', 'read the folder', folder, () => stat(folder, { bigint: true }))
  return `${dev}:${ino}`
}

async function walkFolder(
  { list, skipped, entersLinks }: Pick<Scanner, 'list' | 'skipped'> & { readonly entersLinks: boolean },
  folder: Buffer,
  claimed: ReadonlySet<string>,
): Promise<Buffer[]> {
  const entered = new Set([await identity(folder)])
  const found: { readonly folder: Buffer; readonly pictures: readonly Entry[] }[] = []
  const waiting = [folder]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const listing = await list(next)
    found.push({ folder: next, pictures: listing.pictures })
    for (const inner of listing.folders) {
      if (inner.isLink && !entersLinks) {
        skipped.push({ path: printableName(inner.path), reason: 'a link to a folder (followed with --follow-links, in code followLinks)' })
        continue
      }
      const key = await identity(inner.path)
      if (entered.has(key) || claimed.has(key))
        skipped.push({ path: printableName(inner.path), reason: 'a link back to a folder that is read elsewhere' })
      else waiting.push(inner.path)
      entered.add(key)
    }
  }
  return found.sort((a, b) => Buffer.compare(a.folder, b.folder)).flatMap(({ pictures }) => pictures.map(({ path }) => path))
}
