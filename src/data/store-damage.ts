/**
 * @file Looks for damage in the file of the stores before LMDB opens it.
 *
 * LMDB maps its file into memory and believes what it reads there: a file that was cut off, or whose pages point nowhere, ends the process.
 * So every page that a database reaches is looked at first, as `mdb.c` of LMDB's data format 2 describes it; values have checksums of their own.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { storeFile } from './store-name.ts'

const pageHeader = 24
const nodeHeader = 8
/** Where the newest commit is noted: two pages, which take turns. */
const metaPages = 2
const metaBytes = pageHeader + 144
const magic = 0xbeefc0de
const dataVersion = 2
const flag = { branch: 1, leaf: 2, elsewhere: 4, meta: 8 } as const
/** Flags of pages and databases that change how they are read. */
const pageKind = 0xdfff
const databaseKind = 0x7f
/** Numbers as keys, which only the list of free pages has. */
const integerKeys = 8
const node = { elsewhere: 1, database: 2 } as const
/** Of a database as its entry describes it, and of the place of a value in pages of its own. */
const databaseBytes = 48
const placeBytes = 24
const noRoot = 2n ** 64n - 1n
/** More levels than LMDB's own cursors take. */
const deepest = 32
/** How often a file is looked at again that another process was writing meanwhile. */
const looks = 5

/** What is wrong with the file in a folder; undefined where it is whole, empty or not there. */
export function storeDamage(folder: string): string | undefined {
  let file: number
  try {
    file = openSync(join(folder, storeFile), 'r')
  } catch {
    return undefined
  }
  try {
    for (let look = 0; look < looks; look++) {
      const before = newestMeta(file)
      const damage = before && damageIn(file, before)
      // Pages of an old commit are written again by later ones.
      if (damage === undefined || newestMeta(file)?.commit === before?.commit) return damage
    }
    return undefined
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  } finally {
    closeSync(file)
  }
}

class Damage extends Error {}

interface Tree {
  readonly flags: number
  readonly depth: number
  readonly root: bigint
}

/** What a commit notes. */
interface Meta {
  readonly commit: bigint
  readonly pageSize: number
  readonly lastPage: number
  readonly free: Tree
  readonly main: Tree
}

/** A look at the pages of one commit. */
interface Look {
  readonly file: number
  readonly bytes: number
  readonly meta: Meta
  /** One byte for each page that was reached. */
  readonly reached: Uint8Array
}

function newestMeta(file: number): Meta | undefined {
  const { size } = fstatSync(file)
  if (size === 0) return undefined
  const first = readMeta(file, 0)
  const second = readMeta(file, first.pageSize)
  if (first.pageSize !== second.pageSize) throw new Damage('its first pages contradict each other')
  return second.commit > first.commit ? second : first
}

function readMeta(file: number, position: number): Meta {
  const page = Buffer.alloc(metaBytes)
  if (readSync(file, page, 0, metaBytes, position) < metaBytes) throw new Damage('it ends in its first pages')
  const at = pageHeader
  const isMeta = (page.readUInt16LE(18) & pageKind) === flag.meta && page.readUInt32LE(at) === magic
  if (!isMeta || (page.readUInt32LE(at + 4) & 0xffff) !== dataVersion) throw new Damage('its first pages are not those of a store')
  const pageSize = page.readUInt32LE(at + 24)
  const lastPage = Number(page.readBigUInt64LE(at + 120))
  const isLikely = pageSize >= 512 && pageSize <= 65_536 && (pageSize & (pageSize - 1)) === 0 && lastPage < 2 ** 32
  if (!isLikely || page.readBigUInt64LE(at + 16) > 2n ** 44n) throw new Damage('the sizes in its first pages are impossible')
  return {
    commit: page.readBigUInt64LE(at + 128),
    pageSize,
    lastPage,
    free: treeAt(page, at + 24),
    main: treeAt(page, at + 72),
  }
}

const treeAt = (bytes: Buffer, at: number): Tree => ({
  flags: bytes.readUInt16LE(at + 4) & databaseKind,
  depth: bytes.readUInt16LE(at + 6),
  root: bytes.readBigUInt64LE(at + 40),
})

function damageIn(file: number, meta: Meta): string | undefined {
  const { size: bytes } = fstatSync(file)
  const look: Look = { file, bytes, meta, reached: new Uint8Array(Math.ceil(bytes / meta.pageSize)) }
  try {
    if (meta.free.flags !== integerKeys) throw new Damage('its list of free pages has impossible settings')
    walk(look, meta.main, (entry) => {
      if (entry.flags === node.database && entry.size === databaseBytes) walk(look, treeAt(entry.read(), 0), plain)
      else plain(entry)
    })
    walk(look, { ...meta.free, flags: 0 }, (entry) => checkFreePages(look, entry))
    return undefined
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  }
}

/** A value of a database. */
interface Entry {
  readonly flags: number
  readonly size: number
  readonly read: () => Buffer
}

type OnEntry = (entry: Entry) => void

function plain({ flags }: Entry): void {
  if (flags !== 0) throw new Damage('an entry has impossible settings')
}

function walk(look: Look, { flags, depth, root }: Tree, onEntry: OnEntry): void {
  if (flags !== 0 || depth > deepest) throw new Damage('a database has impossible settings')
  if (root === noRoot) return
  walkPage(look, Number(root), depth, onEntry)
}

function walkPage(look: Look, number: number, levels: number, onEntry: OnEntry): void {
  const page = takePage(look, number)
  const isLeaf = levels === 1
  if (levels < 1 || (page.readUInt16LE(18) & pageKind) !== (isLeaf ? flag.leaf : flag.branch)) throw misplaced(number)
  for (const at of nodesOf(page, number)) {
    const keyEnd = at + nodeHeader + page.readUInt16LE(at + 6)
    if (keyEnd > page.length) throw misplaced(number)
    if (isLeaf) onEntry(entryAt(look, page, { number, at, keyEnd }))
    // The number of a page takes the place of size and settings.
    else walkPage(look, page.readUIntLE(at, 6), levels - 1, onEntry)
  }
}

function takePage(look: Look, number: number): Buffer {
  reach(look, number, 1)
  return readPage(look, number, look.meta.pageSize)
}

/** The first bytes of a page. Throws where it is another page, or from after this commit: LMDB takes that for one that it is changing. */
function readPage({ file, meta }: Look, number: number, bytes: number): Buffer {
  const page = Buffer.allocUnsafe(bytes)
  readSync(file, page, 0, bytes, number * meta.pageSize)
  if (page.readBigUInt64LE(0) !== BigInt(number) || page.readBigUInt64LE(8) > meta.commit) throw misplaced(number)
  return page
}

/** Notes pages as reached; each can be so once. */
function reach({ bytes, meta, reached }: Look, first: number, count: number): void {
  const end = first + count
  if (first < metaPages || end > meta.lastPage + 1) throw new Damage(`it points to a page ${first} that it does not have`)
  if (end * meta.pageSize > bytes) throw new Damage(`it ends after ${bytes} of at least ${end * meta.pageSize} bytes`)
  if (reached.subarray(first, end).includes(1)) throw misplaced(first)
  reached.fill(1, first, end)
}

/** Where the entries of a page begin. */
function nodesOf(page: Buffer, number: number): number[] {
  const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)]
  if (lower % 2 !== 0 || lower > upper || upper > page.length - pageHeader) throw misplaced(number)
  return Array.from({ length: lower / 2 }, (_, index) => {
    const at = page.readUInt16LE(pageHeader + index * 2)
    if (at < upper || at % 2 !== 0 || pageHeader + at + nodeHeader > page.length) throw misplaced(number)
    return pageHeader + at
  })
}

interface Place {
  readonly number: number
  readonly at: number
  readonly keyEnd: number
}

/** An entry's value lies behind its key, or in pages of its own whose place lies there. */
function entryAt(look: Look, page: Buffer, { number, at, keyEnd }: Place): Entry {
  const size = page.readUInt32LE(at)
  const flags = page.readUInt16LE(at + 4)
  const isElsewhere = (flags & node.elsewhere) !== 0
  if (keyEnd + (isElsewhere ? placeBytes : size) > page.length) throw misplaced(number)
  if (!isElsewhere) return { size, flags, read: () => page.subarray(keyEnd, keyEnd + size) }
  const first = Number(page.readBigUInt64LE(keyEnd))
  const count = Number(page.readBigUInt64LE(keyEnd + 16))
  const isOld = page.readBigUInt64LE(keyEnd + 8) <= look.meta.commit
  if (!isOld || count !== Math.ceil((pageHeader + size) / look.meta.pageSize)) throw misplaced(number)
  reach(look, first, count)
  const header = readPage(look, first, pageHeader)
  if ((header.readUInt16LE(18) & pageKind) !== flag.elsewhere || header.readUInt32LE(20) !== count) throw misplaced(first)
  const read = (): Buffer => {
    const value = Buffer.allocUnsafe(size)
    readSync(look.file, value, 0, size, first * look.meta.pageSize + pageHeader)
    return value
  }
  return { size, flags: flags & ~node.elsewhere, read }
}

/** A list of pages that may be written: its length, then pages, each after minus its count where several follow one another; zero is nothing. */
function checkFreePages({ meta, reached }: Look, entry: Entry): void {
  plain(entry)
  const list = new BigInt64Array(new Uint8Array(entry.read()).buffer)
  const length = Number(list[0] ?? -1n)
  if (entry.size % 8 !== 0 || length < 0 || length >= list.length) throw new Damage('its list of free pages is damaged')
  for (let at = 1; at <= length; at++) {
    const value = Number(list[at])
    const first = value < 0 ? Number(list[++at] ?? 0n) : value
    const end = first + Math.max(1, -value)
    if (value === 0) continue
    const isTaken = reached.subarray(first, end).includes(1)
    if (isTaken || first < metaPages || end > meta.lastPage + 1) throw new Damage('its list of free pages is damaged')
    reached.fill(1, first, end)
  }
}

const misplaced = (page: number): Damage => new Damage(`what page ${page} holds cannot be`)
