/** @file The classes that `prepare` finds in a folder, each with its photos in order: by a table, by names such as cat.0.jpg, or by folders. */
import { join, resolve } from 'node:path'
import { RootstockError } from '../errors.ts'
import { classFolders } from './class-folders.ts'
import { byNameLabel, inOrder } from './label-names.ts'
import type { LabelledFiles } from './label-names.ts'
import { labelledByTable, photoRoot, tableOf } from './label-source.ts'
import { layoutOf } from './layout.ts'
import { counted, lastName, printableName, textOf } from './names.ts'
import { openScanner } from './scan.ts'
import type { Entry, Scanner, ScanOptions } from './scan.ts'
import { skippedNotes } from './skipped-notes.ts'
import { refusedWithoutTable } from './unused-table.ts'

/** A class of photos. */
export interface ClassPictures {
  readonly label: string
  /** The name of the class's folder in OUT, byte for byte. */
  readonly folder: Buffer
  readonly files: readonly Entry[]
  readonly numbers: readonly number[]
}

/** What classes are looked for, and how. */
export interface ClassOptions extends Pick<ScanOptions, 'followLinks'> {
  readonly labels?: readonly string[]
}

/** The classes in the order of their labels, and how they were found, in words. */
export async function findClasses(source: string, out: string, options: ClassOptions): Promise<Found & { readonly unusedTable?: string }> {
  const scanner = await openScanner(photoRoot(source), options, resolve(out))
  const { table, note } = await tableOf(source)
  const labelled = table && (await labelledByTable(scanner, table, options.labels))
  if (table && photoRoot(source) === source) await refuseSplit(source, options)
  const found = labelled
    ? fromTable(labelled)
    : await fromNamesOrFolders(scanner, source, options).catch((error: unknown) => {
        throw refusedWithoutTable(error, note)
      })
  const notes = [...found.notes, ...skippedNotes(scanner.skipped)]
  return {
    classes: found.classes,
    notes: note === undefined ? notes : [note, ...notes],
    ...(!table && note !== undefined && { unusedTable: note }),
  }
}

interface Found {
  readonly classes: readonly ClassPictures[]
  readonly notes: readonly string[]
}

function fromTable({ classNames, files, labels, notes }: Awaited<ReturnType<typeof labelledByTable>>): Found {
  const classes = classNames.map((label, index) => {
    const own = files.filter((_, i) => labels[i] === index).map((path) => ({ file: entryOf(path), number: NaN }))
    return { label, folder: Buffer.from(label), files: own.sort(inOrder).map(({ file }) => file), numbers: [] }
  })
  return { classes, notes }
}

async function fromNamesOrFolders(scanner: Scanner, source: string, options: ClassOptions): Promise<Found> {
  const { folders, pictures } = await scanner.list(scanner.root)
  const named = byNameLabel(pictures, options.labels)
  if (folders.length > 0 && !hasLabels(named, folders.length > 1 ? 3 : 1)) {
    await refuseSplit(source, options)
    scanner.skipped.length = 0
    return { classes: await fromFolders(scanner, options.labels), notes: [] }
  }
  const { byLabel, others } = named
  const [other] = others
  const notes = [
    ...(other ? [`Without a label: ${counted(others.length, 'picture')}, such as "${printableName(other.name)}"`] : []),
    ...(folders.length > 0 ? [`Not used: ${counted(folders.length, 'folder')} beside the pictures`] : []),
  ]
  const classes = [...byLabel].map(([label, list]) => ({
    label,
    folder: Buffer.from(label),
    files: list.map(({ file }) => file),
    numbers: list.map(({ number }) => number),
  }))
  return { classes, notes }
}

/** A few stray pictures beside class folders do not make labels: two labels with enough pictures each do. */
function hasLabels({ byLabel }: LabelledFiles, enough: number): boolean {
  return [...byLabel.values()].filter((list) => list.length >= enough).length >= 2
}

async function fromFolders(scanner: Scanner, labels?: readonly string[]): Promise<ClassPictures[]> {
  const { classes, claimed } = await classFolders(scanner, labels)
  const found: ClassPictures[] = []
  for (const { name, path } of classes) {
    const files = (await scanner.walk(path, claimed)).map((file) => ({ file: entryOf(file), number: NaN }))
    found.push({ label: textOf(name), folder: name, files: files.sort(inOrder).map(({ file }) => file), numbers: [] })
  }
  return found
}

function entryOf(path: Buffer): Entry {
  return { path, name: lastName(path), isLink: false }
}

async function refuseSplit(source: string, options: ClassOptions): Promise<void> {
  if ((await layoutOf(source, options)).kind !== 'split') return
  throw new RootstockError('DATA', `Cannot prepare "${printableName(source)}": it already has train, validation or test folders`, {
    hint: `Train on it as it is, or prepare "${printableName(join(source, 'train'))}"`,
  })
}
