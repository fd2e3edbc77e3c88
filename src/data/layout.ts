/** @file Recognises how a photo folder is laid out: one folder per class, or train/, validation/ and test/ with class folders inside. */
import { basename } from 'node:path'
import { RootstockError } from '../errors.ts'
import { printableName, textOf } from './names.ts'
import { PARTS, type Part } from './parts.ts'
import { OF_RUNS } from './run-folders.ts'
import { openScanner } from './scan.ts'
import type { Entry, ScanOptions, Scanner } from './scan.ts'

export { PARTS, type Part }

/** One folder per class, or the folder of each part. */
export type Layout =
  | {
      /** Which layout it is. */
      readonly kind: 'flat'
    }
  | {
      /** Which layout it is. */
      readonly kind: 'split'
      /** The folders of the parts, or of the classes. */
      readonly folders: ReadonlyMap<Part, string>
      /** Folders that are no part of it. */
      readonly others: readonly string[]
    }

const PART_NAMES: ReadonlyMap<string, Part> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['validation', 'validation'],
  ['valid', 'validation'],
  ['val', 'validation'],
  ['test', 'test'],
  ['testing', 'test'],
])

/**
 * A folder is split when it has a folder `train` with folders inside, and nothing beside it or also `validation` or `test` with folders inside.
 * A class that happens to be called `train` holds pictures and no folders, so it stays a class.
 */
export async function layoutOf(path: string, options: ScanOptions = {}): Promise<Layout> {
  const scanner = await openScanner(path, options)
  const { folders } = await scanner.list(scanner.root)
  const parts = new Map<Part, Entry>()
  const others: string[] = []
  for (const folder of folders) {
    const part = await partOf(scanner, folder)
    const taken = part && parts.get(part)
    if (taken) throw twice(path, taken, folder)
    if (part) parts.set(part, folder)
    else others.push(printableName(folder.name))
  }
  const isSplit = parts.has('train') && (parts.size > 1 || others.length === 0)
  if (!isSplit) return { kind: 'flat' }
  const runs = scanner.skipped.filter(({ reason }) => reason === OF_RUNS).map((skipped) => basename(skipped.path))
  return { kind: 'split', folders: new Map([...parts].map(([part, folder]) => [part, textOf(folder.path)])), others: [...others, ...runs] }
}

async function partOf(scanner: Scanner, folder: Entry): Promise<Part | undefined> {
  const part = PART_NAMES.get(basename(textOf(folder.name)).toLowerCase())
  if (!part) return undefined
  // Looking inside must not note the same skipped files twice, so the notes of this look are dropped.
  const noted = scanner.skipped.length
  const { folders } = await scanner.list(folder.path)
  scanner.skipped.length = noted
  return folders.length > 0 ? part : undefined
}

function twice(path: string, first: Entry, second: Entry): RootstockError {
  const names = `"${printableName(first.name)}" and "${printableName(second.name)}"`
  return new RootstockError('DATA', `Cannot use "${printableName(path)}": found both ${names}, expected one of them`, {
    hint: 'Rename or remove one of the two folders',
  })
}
