/** @file Where the labels of a photo folder come from: class folders, file names, or a table beside the photos. */
import { basename, dirname, join } from 'node:path'
import { readdir } from 'node:fs/promises'
import { messageOf, RootstockError, unknownName } from '../errors.ts'
import { classFolders } from './class-folders.ts'
import { byNameLabel } from './label-names.ts'
import type { LabelledFiles } from './label-names.ts'
import { counted, printableName, textOf } from './names.ts'
import { photoFinder, relativeName } from './photo-names.ts'
import type { Listing, Scanner } from './scan.ts'
import { isTableName, readTable } from './table.ts'
import type { PhotoTable } from './table.ts'
import { refusedWithoutTable } from './unused-table.ts'

/** What says the class of a photo: its folder, its name (cat.0.jpg), or a table with one row per photo. */
export type LabelSource = 'folders' | 'names' | 'csv' | 'jsonl'

/** Where to look for labels; 'auto' recognises it, a path names a table whose file names are below the photo folder. */
export type LabelsFrom =
  | 'auto'
  | 'folders'
  | 'names'
  | {
      /** Path of a table with the columns file and label. */
      readonly table: string
    }

/** The labelled files of a folder. */
export interface Labelled {
  readonly source: LabelSource
  readonly classNames: readonly string[]
  readonly files: readonly Buffer[]
  readonly labels: readonly number[]
  /** Classes that were found and not asked for, printable. */
  readonly otherClasses?: readonly string[]
  /** What was recognised, where it is not class folders. */
  readonly notes: readonly string[]
  /** The note about a table of labels that lies there and cannot be used. */
  readonly unusedTable?: string
}

/** How labels are looked for. */
export interface LabelOptions {
  readonly labelsFrom?: LabelsFrom
  readonly classNames?: readonly string[]
}

const TABLE_NAMES = ['labels', 'metadata', '_annotations']
const MOST_MISSING = 0.2

/** Names that cameras and programs give; the number behind them is no sign of a label before it. */
const DEVICE_NAMES = /^(img|image|dsc[nf]?|dscn|dcim|gopr|pxl|mvimg|p|photo|pic|picture|frame|scan|screenshot|untitled)$/i

/** The photo folder that a path means: the path itself, or the folder of the table that it names. */
export function photoRoot(path: string): string {
  return isTableName(basename(path)) ? dirname(path) : path
}

/** Labels by the given source, or by the first that fits: a table named by the path, a table labels.* or metadata.*, class folders, names. */
export async function labelledFiles(scanner: Scanner, path: string, options: LabelOptions): Promise<Labelled> {
  const { labelsFrom = 'auto', classNames } = options
  if (typeof labelsFrom === 'object') return labelledByTable(scanner, await readTable(labelsFrom.table, 'label'), classNames)
  if (photoRoot(path) !== path) return labelledByTable(scanner, await readTable(path, 'label'), classNames)
  if (labelsFrom === 'folders') return fromFolders(scanner, classNames)
  if (labelsFrom === 'names') return fromNames(scanner, byNameLabel((await scanner.list(scanner.root)).pictures, classNames), classNames)
  if (labelsFrom !== 'auto') throw unknownName('source of labels', String(labelsFrom), ['auto', 'folders', 'names'])
  const { table, note } = await tableOf(path)
  if (table) {
    const labelled = await labelledByTable(scanner, table, classNames)
    return note === undefined ? labelled : { ...labelled, notes: [note, ...labelled.notes] }
  }
  const found = await fromNamesOrFolders(scanner, classNames).catch((error: unknown) => {
    throw refusedWithoutTable(error, note)
  })
  return note === undefined ? found : { ...found, notes: [note, ...found.notes], unusedTable: note }
}

async function fromNamesOrFolders(scanner: Scanner, wanted: readonly string[] | undefined): Promise<Labelled> {
  const noted = scanner.skipped.length
  const listing = await scanner.list(scanner.root)
  const named = byNameLabel(listing.pictures, wanted)
  if (isNamed(listing, named)) return fromNames(scanner, named, wanted)
  scanner.skipped.length = noted
  return fromFolders(scanner, wanted)
}

async function fromFolders(scanner: Scanner, wanted: readonly string[] | undefined): Promise<Labelled> {
  const { classes, others, claimed } = await classFolders(scanner, wanted)
  const files: Buffer[] = []
  const labels: number[] = []
  for (const [label, folder] of classes.entries()) {
    for (const file of await scanner.walk(folder.path, claimed)) {
      files.push(file)
      labels.push(label)
    }
  }
  return {
    source: 'folders',
    classNames: classes.map(({ name }) => textOf(name)),
    otherClasses: others.map(({ name }) => printableName(name)),
    files,
    labels,
    notes: [],
  }
}

/** One folder beside the pictures may be anything; several are classes. Labels need two photos each, so that odd names make none. */
function isNamed({ folders, pictures }: Listing, { byLabel, others }: LabelledFiles): boolean {
  const labels = [...byLabel]
  return (
    folders.length <= 1 &&
    labels.length >= 2 &&
    labels.every(([, list]) => list.length >= 2) &&
    !labels.some(([label]) => DEVICE_NAMES.test(label)) &&
    others.length <= pictures.length / 10
  )
}

function fromNames(scanner: Scanner, { byLabel, others }: LabelledFiles, wanted: readonly string[] | undefined): Labelled {
  const classNames = wanted ?? [...byLabel.keys()]
  for (const { path } of others) scanner.skipped.push({ path: printableName(path), reason: 'no label in its name' })
  const lists = classNames.map((name) => (byLabel.get(name) ?? []).map(({ file }) => file.path).sort((a, b) => Buffer.compare(a, b)))
  const otherClasses = [...byLabel.keys()].filter((name) => !classNames.includes(name)).map(printableName)
  const example = printableName(basename(textOf(lists[0]?.[0] ?? Buffer.from(''))))
  const list = classNames.slice(0, 5).map((name) => `"${printableName(name)}"`)
  const also = classNames.length > 5 ? ` and ${classNames.length - 5} more` : ''
  return {
    source: 'names',
    classNames,
    files: lists.flat(),
    labels: lists.flatMap((files, label) => files.map(() => label)),
    otherClasses,
    notes: [`Labels from the file names, as in "${example}": ${list.join(', ')}${also}`],
  }
}

/**
 * The table that the path names, or the first of labels.* and metadata.* in the folder that has columns of files and labels; those before it are
 * noted and left alone.
 */
export async function tableOf(path: string): Promise<{ readonly table?: PhotoTable; readonly note?: string }> {
  if (photoRoot(path) !== path) return { table: await readTable(path, 'label') }
  const names = (await readdir(path)).filter(
    (name) => isTableName(name) && TABLE_NAMES.includes(name.replace(/\.[^.]*$/, '').toLowerCase()),
  )
  const reasons: string[] = []
  const note = (): { note?: string } => (reasons.length === 0 ? {} : { note: `Not used for labels: ${reasons.join('; ')}` })
  for (const name of names.sort()) {
    try {
      return { table: await readTable(join(path, name), 'label'), ...note() }
    } catch (error) {
      if (!(error instanceof RootstockError)) throw error
      reasons.push(messageOf(error).replace(/^Cannot use the table /, ''))
    }
  }
  return note()
}

/** The photos that a table names, by the labels that it gives them. */
export async function labelledByTable(scanner: Scanner, table: PhotoTable, wanted: readonly string[] | undefined): Promise<Labelled> {
  const root = textOf(scanner.root)
  const files = await scanner.walk(scanner.root, new Set())
  const byFile = rowsByFile(scanner, { table, files, root })
  const names = wanted ?? classOrder(new Set([...byFile.values()].map(({ value }) => value)))
  const otherClasses = [...new Set([...byFile.values()].map(({ value }) => value))]
    .filter((name) => !names.includes(name))
    .map(printableName)
  const chosen = files.flatMap((file, index) => {
    const row = byFile.get(index)
    const label = row ? names.indexOf(row.value) : -1
    if (!row) scanner.skipped.push({ path: printableName(file), reason: `not named in "${printableName(basename(table.path))}"` })
    return label < 0 ? [] : [{ file, label }]
  })
  chosen.sort((a, b) => a.label - b.label)
  return {
    source: table.kind,
    classNames: names,
    files: chosen.map(({ file }) => file),
    labels: chosen.map(({ label }) => label),
    otherClasses,
    notes: [`Labels from "${printableName(table.path)}": ${counted(chosen.length, 'photo')} in ${names.length} classes`],
  }
}

interface TableContext {
  readonly table: PhotoTable
  readonly files: readonly Buffer[]
  readonly root: string
}

function rowsByFile(scanner: Scanner, { table, files, root }: TableContext): Map<number, PhotoTable['rows'][number]> {
  const shown = printableName(table.path)
  const find = photoFinder(files.map((file) => relativeName(root, file)))
  const found = new Map<number, PhotoTable['rows'][number]>()
  let missing = 0
  for (const row of table.rows) {
    const match = row.value === '' ? undefined : find(row.file)
    const skip = (reason: string): void =>
      void scanner.skipped.push({ path: printableName(row.file), reason: `${reason}, line ${row.line} of "${shown}"` })
    if (!match) skip('it has no label')
    else if (match.kind !== 'one') {
      missing++
      skip(match.kind === 'none' ? 'there is no such photo' : 'several photos have this name')
    } else {
      const before = found.get(match.index)
      if (before && before.value !== row.value) throw twoLabels(shown, before, row)
      found.set(match.index, row)
    }
  }
  if (found.size > 0 && missing <= MOST_MISSING * table.rows.length) return found
  const first = scanner.skipped.at(-1)
  throw new RootstockError(
    'DATA',
    `Cannot use the table "${shown}": ${missing} of ${counted(table.rows.length, 'row')} name no photo; the last is "${first?.path ?? ''}"`,
    {
      hint: `File names in the table are looked for below "${printableName(root)}"`,
    },
  )
}

function twoLabels(shown: string, a: PhotoTable['rows'][number], b: PhotoTable['rows'][number]): RootstockError {
  const labels = `"${printableName(a.value)}" in line ${a.line} and "${printableName(b.value)}" in line ${b.line}`
  return new RootstockError('DATA', `Cannot use the table "${shown}": "${printableName(b.file)}" has the label ${labels}, expected one`, {
    hint: 'Remove one of the two lines; a photo has one class here',
  })
}

/** Whole numbers in their order, names by their bytes as Keras sorts folders. */
function classOrder(names: ReadonlySet<string>): string[] {
  const list = [...names]
  if (list.every((name) => /^\d+$/.test(name))) return list.sort((a, b) => Number(a) - Number(b))
  return list.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
