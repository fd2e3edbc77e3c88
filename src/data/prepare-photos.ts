/** @file Looks at the photos that `prepare` may take, and gives each its part: damaged ones none, copies of one photo the same. */
import { RootstockError } from '../errors.ts'
import { repeatNotes } from './assign.ts'
import { fileOf } from './dataset.ts'
import { memoryHashCache } from './hash-cache.ts'
import { defaultsOf, folderDataset } from './image-folder.ts'
import { inspect } from './inspect.ts'
import type { Inspected, InspectOptions } from './inspect.ts'
import { PARTS } from './layout.ts'
import type { Part } from './layout.ts'
import { counted, printableName } from './names.ts'
import type { ClassPictures } from './prepare-classes.ts'
import { countOf, fillParts, isFull, shareOut } from './prepare-parts.ts'
import type { Wanted } from './prepare-parts.ts'
import type { Unusable } from './quarantine.ts'
import { alikeNotes } from './split.ts'
import { unitsOf } from './units.ts'

/** A class of which every photo that is used has its part. */
export interface PlacedClass extends Pick<ClassPictures, 'label' | 'folder' | 'numbers'> {
  /** Photos that were found. */
  readonly found: number
  /** Those that were looked at and cannot be used. */
  readonly unusable: number
  /** Those that were looked at and can be used, in order. */
  readonly files: readonly Buffer[]
  /** The part of each; undefined for photos that are not used. */
  readonly parts: readonly (Part | undefined)[]
}

/** The classes with their parts, and what the look at the photos brought. */
export interface PlacedPhotos {
  readonly classes: readonly PlacedClass[]
  readonly notes: readonly string[]
  readonly unusable: readonly Unusable[]
}

/** What is asked for: so many photos of each class or, without `wanted`, 70, 15 and 15 of a hundred. */
export interface PlaceOptions extends Pick<InspectOptions, 'duplicates' | 'hashCache' | 'onProgress' | 'signal'> {
  readonly wanted: Wanted | undefined
}

/** The photos by class and part. Code DATA where too few can be used. */
export async function placePhotos(source: string, classes: readonly ClassPictures[], options: PlaceOptions): Promise<PlacedPhotos> {
  const { wanted, hashCache = memoryHashCache(), ...looking } = options
  const sum = wanted ? wanted.train + wanted.validation + wanted.test : Infinity
  const longest = Math.max(...classes.map(({ files }) => files.length))
  // Of many photos the first are enough, with some more in the place of damaged ones and copies.
  for (let most = Math.ceil(sum * 1.05) + 10; ; most *= 2) {
    const dataset = datasetOf(source, classes, most)
    const found = await inspect(dataset, { ...looking, hashCache, maxUnusable: 1 }).catch((error: unknown) => {
      // A class of which the first photos are all damaged may have others.
      if (most < longest && error instanceof RootstockError && error.code === 'DATA') return undefined
      throw error
    })
    if (!found) continue
    const placed = placeClasses(found, classes, { wanted, most })
    const lacking = placed.find(({ parts }) => (wanted ? !isFull(parts, wanted) : parts.length === 0))
    if (!lacking) return { classes: placed, notes: notesOf(found), unusable: found.unusable }
    if (most >= longest) throw tooFew(source, lacking, { wanted, found })
  }
}

function datasetOf(root: string, classes: readonly ClassPictures[], most: number) {
  const chosen = classes.map(({ files }) => files.slice(0, most))
  return folderDataset({
    root,
    source: 'folders',
    notes: [],
    skipped: [],
    classNames: classes.map(({ label }) => label),
    defaults: defaultsOf({}),
    files: chosen.flatMap((files) => files.map(({ path }) => path)),
    labels: chosen.flatMap((files, label) => files.map(() => label)),
  })
}

/** A class without a choice of parts has none of its photos placed: its `parts` are empty. */
function placeClasses(
  { dataset, hashes, prints }: Inspected,
  classes: readonly ClassPictures[],
  { wanted, most }: { wanted: Wanted | undefined; most: number },
): PlacedClass[] {
  const { keys } = unitsOf({ hashes, prints })
  const taken = new Map<string, Part>()
  return classes.map(({ label, folder, numbers, files: all }, index) => {
    const places = keys.flatMap((_, place) => (dataset.labels[place] === index ? [place] : []))
    const own = places.map((place) => keys[place] ?? '')
    const parts = wanted ? fillParts({ keys: own, taken }, wanted) : (shareOut({ keys: own, taken }) ?? [])
    parts.forEach((part, i) => part && taken.set(own[i] ?? '', part))
    const files = places.map((place) => fileOf(dataset, place))
    return { label, folder, numbers, found: all.length, unusable: Math.min(all.length, most) - files.length, files, parts }
  })
}

function notesOf({ dataset, hashes, prints, unusable }: Inspected): string[] {
  const [first] = unusable
  const damaged = first
    ? [`Left out: ${counted(unusable.length, 'picture')} that cannot be used; the first is "${first.path}", ${first.reason}`]
    : []
  return [...damaged, ...repeatNotes({ dataset, hashes }), ...alikeNotes(dataset, unitsOf({ hashes, prints }).alike)]
}

function tooFew(
  source: string,
  { label, found, unusable, parts }: PlacedClass,
  { wanted, found: looked }: { wanted: Wanted | undefined; found: Inspected },
): RootstockError {
  const [first] = looked.unusable
  const shown = `class "${printableName(label)}" has ${counted(found, 'photo')}`
  const example =
    unusable > 0 && first ? `, ${unusable} of them unusable (the first picture left out is "${first.path}", ${first.reason})` : ''
  const cannot = `Cannot prepare "${printableName(source)}": ${shown}${example}`
  if (!wanted) {
    return new RootstockError('DATA', `${cannot}, expected at least 3 that are different and in no other class, one for each part`, {
      hint: 'Add photos, or give --train, --validation and --test',
    })
  }
  const placed = PARTS.map((part) => `${part} ${countOf(parts, part)} of ${wanted[part]}`).join(', ')
  return new RootstockError('DATA', `${cannot}; as copies stay together, they fill ${placed}`, {
    hint: 'Lower --train, --validation or --test, or leave all three out to split 70/15/15',
  })
}
