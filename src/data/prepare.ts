/** @file Makes train/, validation/ and test/ folders out of cat.0.jpg … or of class folders, whole or not at all. */
import { join, resolve } from 'node:path'
import { RootstockError, refuseUnknown } from '../errors.ts'
import { classFolders } from './class-folders.ts'
import { byNameLabel, inOrder } from './label-names.ts'
import type { LabelledFiles } from './label-names.ts'
import { layoutOf, PARTS } from './layout.ts'
import type { Part } from './layout.ts'
import { counted, printableName, textOf } from './names.ts'
import { writePrepared } from './prepared-folder.ts'
import type { LinkMode, PreparedFile } from './prepared-folder.ts'
import { openScanner } from './scan.ts'
import type { Entry, Scanner } from './scan.ts'
import { skippedNotes } from './skipped-notes.ts'

/** How many photos of each class go where, and how. Without any count, 70, 15 and 15 of a hundred. */
export interface PrepareOptions {
  /** The classes; default: what the file or folder names say. */
  readonly labels?: readonly string[]
  /** Photos per class; a part left out while another is given gets none. */
  readonly train?: number
  /** Photos of each class for validation. */
  readonly validation?: number
  /** Photos of each class for the test. */
  readonly test?: number
  /** Default 'copy'; 'hardlink' falls back to copies across disks. */
  readonly link?: LinkMode
  /** Whether an existing OUT with other content is replaced; default false. */
  readonly force?: boolean
  /** Follow links that lead out of the source. Default false. */
  readonly followLinks?: boolean
  /** Hears how many of all photos are written. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends it early with code CANCELED; what was there before stays. */
  readonly signal?: AbortSignal
}

const OPTIONS: Readonly<Record<keyof PrepareOptions, true>> = {
  labels: true,
  train: true,
  validation: true,
  test: true,
  link: true,
  force: true,
  followLinks: true,
  onProgress: true,
  signal: true,
}

/** What `prepare` did. */
export interface Prepared {
  /** Photos by part and class name. */
  readonly counts: Readonly<Record<Part, ReadonlyMap<string, number>>>
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[]
  /** Where the photos came from, in words: numbering, gaps, files left out. */
  readonly notes: readonly string[]
  /** Whether `out` was there already, with the same files. */
  readonly isUnchanged: boolean
}

interface ClassPictures {
  readonly label: string
  /** The name of the class's folder in OUT, byte for byte. */
  readonly folder: Buffer
  readonly files: readonly Entry[]
  readonly numbers: readonly number[]
}

/**
 * Sorts the photos of `source` (cat.0.jpg …, or one folder per class) into `out`/{train,validation,test}/{class}: in numerical order, the first
 * go to train, the next to validation, the next to test. Running it again changes nothing. Code DATA where photos or classes are missing, FILE
 * where `out` cannot be written or holds something else.
 */
export async function prepare(source: string, out: string, options: PrepareOptions = {}): Promise<Prepared> {
  refuseUnknown('prepare', options, OPTIONS)
  checkCounts(options)
  const notes: string[] = []
  const classes = await findClasses(source, out, { options, notes })
  checkClassCount(source, classes, options.labels)
  const counts: Record<Part, Map<string, number>> = { train: new Map(), validation: new Map(), test: new Map() }
  const files: PreparedFile[] = []
  for (const found of classes) {
    const wanted = countsFor(source, found, options)
    notes.push(...classNotes(found, wanted))
    let from = 0
    for (const part of PARTS) {
      counts[part].set(found.label, wanted[part])
      const chosen = found.files.slice(from, from + wanted[part])
      files.push(...placed(chosen, [Buffer.from(part), found.folder]))
      from += wanted[part]
    }
  }
  const { link = 'copy', force = false, onProgress, signal } = options
  const written = await writePrepared({ source, out, files, link, force, onProgress, signal })
  return { counts, classNames: classes.map(({ label }) => label), notes: [...notes, ...written.notes], isUnchanged: written.isUnchanged }
}

interface FindContext {
  readonly options: PrepareOptions
  readonly notes: string[]
}

async function findClasses(source: string, out: string, { options, notes }: FindContext): Promise<ClassPictures[]> {
  const scanner = await openScanner(source, options)
  const listing = await scanner.list(scanner.root)
  const folders = listing.folders.filter(({ path }) => resolve(textOf(path)) !== resolve(out))
  const named = byNameLabel(listing.pictures, options.labels)
  if (folders.length > 0 && !hasLabels(named, folders.length > 1 ? 3 : 1)) {
    if ((await layoutOf(source, options)).kind === 'split') throw alreadySplit(source)
    scanner.skipped.length = 0
    const classes = await fromFolders(scanner, folders, options.labels)
    notes.push(...skippedNotes(scanner.skipped))
    return classes
  }
  if (named.others.length > 0)
    notes.push(`Without a label: ${counted(named.others.length, 'picture')}, such as "${printableName(named.others[0]?.name ?? '')}"`)
  if (folders.length > 0) notes.push(`Not used: ${counted(folders.length, 'folder')} beside the pictures`)
  notes.push(...skippedNotes(scanner.skipped))
  return [...named.byLabel].map(([label, list]) => ({
    label,
    folder: Buffer.from(label),
    files: list.map(({ file }) => file),
    numbers: list.map(({ number }) => number),
  }))
}

/** A few stray pictures beside class folders do not make labels: two labels with enough pictures each do. */
function hasLabels({ byLabel }: LabelledFiles, enough: number): boolean {
  return [...byLabel.values()].filter((list) => list.length >= enough).length >= 2
}

async function fromFolders(scanner: Scanner, folders: readonly Entry[], labels?: readonly string[]): Promise<ClassPictures[]> {
  const { classes, claimed } = await classFolders(scanner, labels)
  const found: ClassPictures[] = []
  for (const { name, path } of classes) {
    if (!folders.some((folder) => folder.name.equals(name))) continue
    const files = (await scanner.walk(path, claimed)).map((file) => ({
      file: { path: file, name: lastName(file), isLink: false },
      number: NaN,
    }))
    found.push({ label: textOf(name), folder: name, files: files.sort(inOrder).map(({ file }) => file), numbers: [] })
  }
  return found
}

function lastName(path: Buffer): Buffer {
  return path.subarray(Math.max(path.lastIndexOf('/'), process.platform === 'win32' ? path.lastIndexOf('\\') : -1) + 1)
}

/** Files of inner folders may share a name: the second one gets a number before it. */
function placed(files: readonly Entry[], folder: readonly Buffer[]): PreparedFile[] {
  const names = new Set<string>()
  return files.map((file) => {
    let name = file.name
    for (let i = 2; names.has(name.toString('latin1').toLowerCase()); i++) name = Buffer.concat([Buffer.from(`${i}_`), file.name])
    names.add(name.toString('latin1').toLowerCase())
    return { from: file.path, to: [...folder, name] }
  })
}

function countsFor(source: string, { label, files }: ClassPictures, { train, validation, test }: PrepareOptions): Record<Part, number> {
  const found = files.length
  const shown = `class "${printableName(label)}" has ${counted(found, 'photo')}`
  if (train === undefined && validation === undefined && test === undefined) {
    if (found < 3) {
      throw new RootstockError('DATA', `Cannot prepare "${printableName(source)}": ${shown}, expected at least 3, one for each part`, {
        hint: 'Add photos, or name the classes with --labels if this is none',
      })
    }
    const share = Math.max(1, Math.floor(found * 0.15))
    return { train: found - 2 * share, validation: share, test: share }
  }
  const wanted = { train: train ?? 0, validation: validation ?? 0, test: test ?? 0 }
  const sum = wanted.train + wanted.validation + wanted.test
  if (sum <= found) return wanted
  const parts = PARTS.map((part) => `${part} ${wanted[part]}`).join(' + ')
  throw new RootstockError('DATA', `Cannot prepare "${printableName(source)}": ${shown}, expected at least ${sum} (${parts})`, {
    hint: 'Lower --train, --validation or --test, or leave all three out to split 70/15/15',
  })
}

function classNotes({ label, files, numbers }: ClassPictures, wanted: Readonly<Record<Part, number>>): string[] {
  const used = wanted.train + wanted.validation + wanted.test
  const name = `"${printableName(label)}"`
  const [first, last] = [numbers[0] ?? NaN, numbers[numbers.length - 1] ?? NaN]
  const gaps = last - first + 1 - new Set(numbers).size
  const numbering = Number.isNaN(first + last) ? '' : `, numbered ${first} to ${last}${gaps > 0 ? ` with ${gaps} missing` : ''}`
  const rest = files.length > used ? `; not used: the last ${files.length - used}` : ''
  return [
    `${name}: ${counted(files.length, 'photo')}${numbering}; in this order ${PARTS.map((part) => `${wanted[part]} ${part}`).join(', ')}${rest}`,
  ]
}

function checkClassCount(source: string, classes: readonly ClassPictures[], labels: readonly string[] | undefined): void {
  const shown = `Cannot prepare "${printableName(source)}"`
  const empty = classes.find(({ files }) => files.length === 0)
  if (empty) {
    throw new RootstockError('DATA', `${shown}: class "${printableName(empty.label)}" has no picture`, {
      hint: labels ? 'Check --labels: file names must begin with the label' : 'Add pictures to the class folder or remove it',
    })
  }
  if (classes.length < 2) {
    const found = classes[0] ? `found one class, "${printableName(classes[0].label)}"` : 'found no pictures with a label in their names'
    throw new RootstockError(
      'DATA',
      `${shown}: ${found}, expected two or more, as in cat.0.jpg and dog.0.jpg or in folders cat/ and dog/`,
      {
        hint: 'Give the folder that holds the photos; --labels cat,dog names the labels that file names begin with',
      },
    )
  }
  const lower = new Map<string, string>()
  for (const { label } of classes) {
    const twin = lower.get(label.toLowerCase())
    if (twin !== undefined) {
      throw new RootstockError(
        'DATA',
        `${shown}: classes "${printableName(twin)}" and "${printableName(label)}" differ only in upper and lower case`,
        {
          hint: 'Rename the files, or give --labels, which takes both as one class',
        },
      )
    }
    lower.set(label.toLowerCase(), label)
  }
}

function checkCounts({ labels, train, validation, test }: PrepareOptions): void {
  for (const [name, count] of Object.entries({ train, validation, test })) {
    if (count === undefined || (Number.isInteger(count) && count >= (name === 'train' ? 1 : 0))) continue
    throw new RootstockError('USAGE', `Cannot prepare: ${name} is ${count}, expected a whole number from ${name === 'train' ? 1 : 0}`)
  }
  if (train === undefined && (validation !== undefined || test !== undefined)) {
    throw new RootstockError('USAGE', 'Cannot prepare: validation or test is given without train', {
      hint: 'Give --train as well, or none of the three',
    })
  }
  const isPlain = (label: string): boolean => label !== '' && label !== '.' && label !== '..' && !/[/\\\0]/.test(label)
  const odd = labels?.find((label, i) => !isPlain(label) || labels.indexOf(label) !== i)
  if (odd !== undefined) {
    throw new RootstockError('USAGE', `Cannot prepare: the label "${printableName(odd)}" is empty, repeated or not a folder name`, {
      hint: 'Give labels as in --labels cat,dog',
    })
  }
}

function alreadySplit(source: string): RootstockError {
  return new RootstockError('DATA', `Cannot prepare "${printableName(source)}": it already has train, validation or test folders`, {
    hint: `Train on it as it is, or prepare "${printableName(join(source, 'train'))}"`,
  })
}
