/** @file Makes train/, validation/ and test/ folders out of cat.0.jpg …, class folders or a table, whole or not at all. */
import { resolve } from 'node:path'
import { RootstockError, refuseUnknown } from '../errors.ts'
import { explained } from './failures.ts'
import type { InspectOptions } from './inspect.ts'
import { photoRoot } from './label-source.ts'
import { PARTS } from './layout.ts'
import type { Part } from './layout.ts'
import { counted, lastName, printableName } from './names.ts'
import { findClasses } from './prepare-classes.ts'
import type { ClassPictures } from './prepare-classes.ts'
import { countOf } from './prepare-parts.ts'
import type { Wanted } from './prepare-parts.ts'
import { placePhotos } from './prepare-photos.ts'
import type { PlacedClass } from './prepare-photos.ts'
import { checkPlace, writePrepared } from './prepared-folder.ts'
import type { LinkMode, PreparedFile } from './prepared-folder.ts'
import type { Unusable } from './quarantine.ts'
import { refusedWithoutTable } from './unused-table.ts'

/** How many photos of each class go where, and how. Without any count, 70, 15 and 15 of a hundred. */
export interface PrepareOptions extends Pick<InspectOptions, 'hashCache'> {
  /**
   * 'exact' (default) keeps photos of the same bytes in one part, so that otherwise the numbers decide, as in the tutorials; 'near' resized and
   * re-encoded copies, too.
   */
  readonly duplicates?: InspectOptions['duplicates']
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
  /** Hears how many of the photos are looked at: damaged ones are left out, copies of one photo stay together. */
  readonly onLook?: (done: number, total: number) => void
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
  duplicates: true,
  hashCache: true,
  onLook: true,
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
  /** Pictures that were left out because they cannot be read. */
  readonly unusable: readonly Unusable[]
  /** Whether `out` was there already, with the same files. */
  readonly isUnchanged: boolean
}

/**
 * Sorts the photos of `source` (cat.0.jpg …, one folder per class, or a table) into `out`/{train,validation,test}/{class}: in numerical order, the
 * first go to train, the next to validation, the next to test. Copies of one photo go to one part, or are left out where that has no room for
 * them; pictures that cannot be read are left out. Running it again changes nothing. Code DATA where photos or classes are missing, FILE
 * where `out` cannot be written or holds something else.
 */
export async function prepare(source: string, out: string, options: PrepareOptions = {}): Promise<Prepared> {
  refuseUnknown('prepare', options, OPTIONS)
  checkCounts(options)
  // A name alone means nothing in a working folder that was deleted.
  await explained('FILE', 'write', out, () => resolve(out))
  const { classes, notes } = await usableClasses(source, out, options)
  await checkPlace(photoRoot(source), out)
  const wanted = wantedOf(options)
  for (const found of classes) checkEnough(source, found, wanted)
  const { link = 'copy', force = false, duplicates = 'exact', hashCache, onLook, onProgress, signal } = options
  const looking = { duplicates, ...(hashCache && { hashCache }), ...(onLook && { onProgress: onLook }) }
  const placed = await placePhotos(photoRoot(source), classes, { ...looking, ...(signal && { signal }), wanted })
  const files = placed.classes.flatMap((own) => PARTS.flatMap((part) => placedIn(own, part)))
  const written = await writePrepared({ source: photoRoot(source), out, files, link, force, onProgress, signal })
  return {
    counts: {
      train: countsOf(placed.classes, 'train'),
      validation: countsOf(placed.classes, 'validation'),
      test: countsOf(placed.classes, 'test'),
    },
    classNames: classes.map(({ label }) => label),
    notes: [...notes, ...placed.notes, ...placed.classes.map(classNote), ...written.notes],
    unusable: placed.unusable,
    isUnchanged: written.isUnchanged,
  }
}

function countsOf(classes: readonly PlacedClass[], part: Part): Map<string, number> {
  return new Map(classes.map(({ label, parts }) => [label, countOf(parts, part)]))
}

/** Files of inner folders may share a name: the second one gets a number before it. */
function placedIn({ folder, files, parts }: PlacedClass, part: Part): PreparedFile[] {
  const names = new Set<string>()
  return files.flatMap((path, index) => {
    if (parts[index] !== part) return []
    const given = lastName(path)
    let name = given
    for (let i = 2; names.has(name.toString('latin1').toLowerCase()); i++) name = Buffer.concat([Buffer.from(`${i}_`), given])
    names.add(name.toString('latin1').toLowerCase())
    return { from: path, to: [Buffer.from(part), folder, name] }
  })
}

function wantedOf({ train, validation, test }: PrepareOptions): Wanted | undefined {
  if (train === undefined && validation === undefined && test === undefined) return undefined
  return { train: train ?? 0, validation: validation ?? 0, test: test ?? 0 }
}

/** Told before the photos are looked at, which takes its time. */
function checkEnough(source: string, { label, files }: ClassPictures, wanted: Wanted | undefined): void {
  const shown = `class "${printableName(label)}" has ${counted(files.length, 'photo')}`
  if (!wanted) {
    if (files.length >= 3) return
    throw new RootstockError('DATA', `Cannot prepare "${printableName(source)}": ${shown}, expected at least 3, one for each part`, {
      hint: 'Add photos, or name the classes with --labels if this is none',
    })
  }
  const sum = wanted.train + wanted.validation + wanted.test
  if (sum <= files.length) return
  const parts = PARTS.map((part) => `${part} ${wanted[part]}`).join(' + ')
  throw new RootstockError('DATA', `Cannot prepare "${printableName(source)}": ${shown}, expected at least ${sum} (${parts})`, {
    hint: 'Lower --train, --validation or --test, or leave all three out to split 70/15/15',
  })
}

async function usableClasses(source: string, out: string, options: PrepareOptions): ReturnType<typeof findClasses> {
  const found = await findClasses(source, out, options)
  try {
    checkClassCount(source, found.classes, options.labels)
    return found
  } catch (error) {
    throw refusedWithoutTable(error, found.unusedTable)
  }
}

function classNote({ label, found, unusable, parts, numbers }: PlacedClass): string {
  const [first, last] = [numbers[0] ?? NaN, numbers[numbers.length - 1] ?? NaN]
  const gaps = last - first + 1 - new Set(numbers).size
  const numbering = Number.isNaN(first + last) ? '' : `, numbered ${first} to ${last}${gaps > 0 ? ` with ${gaps} missing` : ''}`
  const used = parts.filter((part) => part !== undefined).length
  const rest = found - unusable - used
  // Copies without room leave holes; without them, what is not used is what comes last.
  const isLast = parts.slice(0, used).every((part) => part !== undefined)
  const unused = rest > 0 ? `; not used: ${isLast ? 'the last ' : ''}${rest}` : ''
  const order = PARTS.map((part) => `${countOf(parts, part)} ${part}`).join(', ')
  return `"${printableName(label)}": ${counted(found, 'photo')}${numbering}; in this order ${order}${unused}`
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
  const odd = classes.find(({ label }) => !isFolderName(label))
  if (odd) {
    throw new RootstockError('DATA', `${shown}: the label "${printableName(odd.label)}" cannot be the name of a folder`, {
      hint: 'Change it in the table: no / or \\, and no full stop at its beginning',
    })
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
  const odd = labels?.find((label, i) => !isFolderName(label) || labels.indexOf(label) !== i)
  if (odd !== undefined) {
    throw new RootstockError('USAGE', `Cannot prepare: the label "${printableName(odd)}" is empty, repeated or not a folder name`, {
      hint: 'Give labels as in --labels cat,dog',
    })
  }
}

/** Names with a full stop before them are hidden: no scan would find the class. */
function isFolderName(label: string): boolean {
  return label !== '' && !label.startsWith('.') && !/[/\\\0]/.test(label)
}
