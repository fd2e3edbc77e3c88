/** @file Which folders are classes, and whether they can train a classifier. */
import { join } from 'node:path'
import { RootstockError, unknownName } from '../errors.ts'
import { countClasses } from './dataset.ts'
import type { Dataset, LabelMode } from './dataset.ts'
import { counted, printableName, textOf } from './names.ts'
import type { Entry, Scanner, Skipped } from './scan.ts'
import { refusedWithoutTable } from './unused-table.ts'

/** The class folders of a photo folder in the order of their class index. */
export interface ClassFolders {
  readonly classes: readonly Entry[]
  /** Those that were not asked for. */
  readonly others: readonly Entry[]
  /** Identities of the root and of every class folder: a link to one of them is not part of another class. */
  readonly claimed: ReadonlySet<string>
}

/** A scanned folder as far as its classes go. */
export interface FoundClasses extends Pick<Dataset, 'classNames' | 'labels'> {
  readonly root: string
  readonly skipped: readonly Skipped[]
  /** What is wrong with the table of labels in the folder. */
  readonly unusedTable?: string
}

/** The class folders of the scanner's root: all of them, or the wanted ones in their order. Code DATA where there is none. */
export async function classFolders(scanner: Scanner, wanted?: readonly string[]): Promise<ClassFolders> {
  const { folders, pictures } = await scanner.list(scanner.root)
  if (folders.length === 0) throw noClassFolders(scanner, pictures.length)
  for (const { path } of pictures) scanner.skipped.push({ path: printableName(path), reason: 'outside the class folders' })
  const { distinct, claimed } = await distinctFolders(scanner, folders)
  if (distinct.length === 0) throw noClassFolders(scanner, pictures.length)
  const classes = wanted ? wanted.map((name) => namedFolder(scanner.root, distinct, name)) : distinct
  return { classes, others: distinct.filter((folder) => !classes.includes(folder)), claimed }
}

/** Refuses a folder that cannot train a classifier: fewer than two classes, or a class without a picture. */
export function checkClasses(dataset: FoundClasses, labelMode: LabelMode = 'categorical'): void {
  try {
    judgeClasses(dataset, labelMode)
  } catch (error) {
    throw refusedWithoutTable(error, dataset.unusedTable)
  }
}

function judgeClasses(dataset: FoundClasses, labelMode: LabelMode): void {
  const { classNames, root, skipped } = dataset
  const shown = printableName(root)
  const [only] = classNames
  if (classNames.length === 1 && only !== undefined) {
    throw new RootstockError('DATA', `Cannot use "${shown}": found one class, "${printableName(only)}", expected at least two`, {
      hint: `Add a folder for every further class; if the class folders are inside "${printableName(only)}", give that folder`,
    })
  }
  const empty = classNames.filter((_, label) => countClasses(dataset)[label] === 0)
  if (empty.length > 0) {
    const [first = ''] = empty
    const reason = skipped.find(({ path }) => path.startsWith(printableName(join(root, first)) + '/'))
    const also = empty.length > 1 ? ` (and ${empty.length - 1} more)` : ''
    const why = reason ? `; skipped there: "${reason.path}", ${reason.reason}` : ''
    throw new RootstockError('DATA', `Cannot use "${shown}": class "${printableName(first)}"${also} has no picture${why}`, {
      hint: 'Add pictures to the class folder or remove it',
    })
  }
  if (labelMode === 'binary' && classNames.length !== 2) {
    throw new RootstockError('DATA', `Cannot use "${shown}" with labelMode "binary": found ${classNames.length} classes, expected 2`, {
      hint: 'Use labelMode "categorical"',
    })
  }
}

/** A class folder that is a link to another one would put every photo into two classes: the link is left out. */
async function distinctFolders(scanner: Scanner, folders: readonly Entry[]): Promise<{ distinct: Entry[]; claimed: Set<string> }> {
  const claimed = new Map([[await scanner.identity(scanner.root), scanner.root]])
  const kept = new Set<Entry>()
  for (const folder of [...folders].sort((a, b) => Number(a.isLink) - Number(b.isLink))) {
    const key = await scanner.identity(folder.path)
    const first = claimed.get(key)
    if (first) scanner.skipped.push({ path: printableName(folder.path), reason: `the same folder as "${printableName(first)}"` })
    else kept.add(folder)
    if (!first) claimed.set(key, folder.path)
  }
  return { distinct: folders.filter((folder) => kept.has(folder)), claimed: new Set(claimed.keys()) }
}

function namedFolder(root: Buffer, folders: readonly Entry[], name: string): Entry {
  const folder = folders.find((candidate) => textOf(candidate.name) === name)
  if (folder) return folder
  const known = folders.map((candidate) => printableName(candidate.name))
  const { hint = '' } = unknownName('class', name, known)
  throw new RootstockError('DATA', `Cannot read "${printableName(root)}": there is no folder for the class "${printableName(name)}"`, {
    hint,
  })
}

/** The reasons for which a folder, or a link to one, is left out. */
const LEFT_OUT = /^(a link|the same folder)/

function noClassFolders({ root, skipped }: Scanner, pictures: number): RootstockError {
  const shown = printableName(root)
  if (pictures > 0) {
    return new RootstockError(
      'DATA',
      `Cannot use "${shown}": found ${counted(pictures, 'picture')} and no class folders, expected one folder per class`,
      {
        hint: 'Sort the pictures into one folder per class; for names such as cat.0.jpg run: rootstock prepare SOURCE OUT',
      },
    )
  }
  // Links look like class folders to people.
  const link = skipped.find(({ reason }) => LEFT_OUT.test(reason))
  const why = link ? `; skipped there: "${link.path}", ${link.reason}` : ''
  const found = skipped.length > 0 ? `found ${counted(skipped.length, 'other file')} and no class folders${why}` : 'the folder is empty'
  return new RootstockError('DATA', `Cannot use "${shown}": ${found}, expected one folder of pictures per class`, {
    hint: 'Make one folder per class inside it and put the photos there',
  })
}
