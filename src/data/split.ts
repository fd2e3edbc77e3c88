/** @file Training, validation and test photos of a folder: its own parts where it has them, else a split by content that stays put. */
import { RootstockError, refuseUnknown, unknownName } from '../errors.ts'
import { assignParts } from './assign.ts'
import type { Fractions } from './assign.ts'
import { checkClasses } from './class-folders.ts'
import { copiesOf, settleLeaks } from './copies.ts'
import type { Copies, Leaks, PlacedPhoto } from './copies.ts'
import { allIndices, concatenate, countClasses, fileOf, subset } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { groupsOf } from './groups.ts'
import type { FoundGroups, GroupOptions } from './groups.ts'
import { scanFolder } from './image-folder.ts'
import type { FolderDataset, ImageFolder, ImageFolderOptions } from './image-folder.ts'
import { inspect } from './inspect.ts'
import type { Inspected, InspectOptions } from './inspect.ts'
import { photoRoot } from './label-source.ts'
import type { LabelSource } from './label-source.ts'
import { layoutOf, PARTS } from './layout.ts'
import type { Layout, Part } from './layout.ts'
import { counted, printableName } from './names.ts'
import { relativeName } from './photo-names.ts'
import type { Unusable } from './quarantine.ts'
import { fractionsOf } from './shares.ts'
import type { Shares } from './shares.ts'
import { skippedNotes } from './skipped-notes.ts'
import { unitsOf } from './units.ts'

/** How a folder is split; the shares are of each class. */
export interface SplitOptions extends Shares, InspectOptions, GroupOptions {
  /** Another seed gives another split; default 0. */
  readonly seed?: number
  /**
   * Where a folder has its own parts and one of them holds a copy of a photo of an earlier one: 'report' (default) notes it and leaves the
   * parts as they are, 'move' puts the copy with the first one, 'error' stops.
   */
  readonly leaks?: Leaks
  /** How the pictures are read, where `folder` is a path. */
  readonly folder?: ImageFolderOptions
}

const OPTIONS: Readonly<Record<keyof SplitOptions, true>> = {
  train: true,
  validation: true,
  test: true,
  duplicates: true,
  hashCache: true,
  onProgress: true,
  signal: true,
  maxUnusable: true,
  onRefused: true,
  groupPattern: true,
  groups: true,
  seed: true,
  leaks: true,
  folder: true,
}

/** A folder in three parts. */
export interface Split {
  /** How the folder is laid out. */
  readonly layout: 'flat' | 'split'
  /** What the labels were read from. */
  readonly source: LabelSource
  /** The folder that the photos lie in. */
  readonly root: string
  /** Photos to learn from. */
  readonly train: Dataset
  /** Photos to choose the best epoch by. */
  readonly validation: Dataset
  /** Photos for the test at the end. */
  readonly test: Dataset
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[]
  /** What the reader should know: how the folder was read, copies, groups, small classes. */
  readonly notes: readonly string[]
  /** Photos that are there more than once, byte for byte or to the eye, with the parts they are in. */
  readonly copies: readonly Copies[]
  /** Files that are not part of any dataset because they could not be read. */
  readonly unusable: readonly Unusable[]
}

/**
 * The parts of a photo folder. A folder with `train/` and `validation/` keeps its parts; without `validation/`, a share of `train/` is taken.
 * Any other folder is split by `assignParts`: each photo's part follows from its content and the seed, so adding photos moves no other.
 * Copies of one photo (equal, resized or compressed again) and photos of one group are never in two parts of such a split.
 * Code DATA where classes differ between parts, or a class has no photo to train with.
 */
export async function splitOf(folder: string | ImageFolder, options: SplitOptions = {}): Promise<Split> {
  refuseUnknown('splitOf', options, OPTIONS)
  const path = typeof folder === 'string' ? folder : folder.path
  const reading = typeof folder === 'string' ? (options.folder ?? {}) : folder.options
  checkChoices(options)
  const context = { root: photoRoot(path), fractions: fractionsOf(options), options, reading }
  const layout = await chosenLayout(path, reading)
  return layout.kind === 'flat' ? splitFlat(path, context) : joinParts(layout, context)
}

interface SplitContext {
  readonly root: string
  readonly fractions: Fractions
  readonly options: SplitOptions
  readonly reading: ImageFolderOptions
}

/** A folder whose labels come from a table or from names has no part folders. */
async function chosenLayout(path: string, reading: ImageFolderOptions): Promise<Layout> {
  const { labelsFrom = 'auto' } = reading
  const hasFolders = photoRoot(path) === path && (labelsFrom === 'auto' || labelsFrom === 'folders')
  return hasFolders ? layoutOf(path, reading) : { kind: 'flat' }
}

/** Usable photos with what decides their places. */
interface Pool extends Pick<Inspected, 'dataset' | 'hashes' | 'prints'> {
  readonly groups: FoundGroups
}

async function splitFlat(path: string, context: SplitContext): Promise<Split> {
  const whole = await scanFolder(path, context.reading)
  checkClasses(whole, context.reading.labelMode)
  const { unusable, ...found } = await inspect(whole, context.options)
  const pool = { ...found, groups: await groupsOf(namesIn(context.root, found.dataset), context.options) }
  const { parts, notes } = assigned(pool, context.root, { fractions: context.fractions, seed: context.options.seed ?? 0 })
  return {
    ...divided(pool, parts),
    layout: 'flat',
    source: whole.source,
    root: context.root,
    notes: [...whole.notes, ...skippedNotes(whole.skipped), ...pool.groups.notes, ...notes],
    unusable,
  }
}

function assigned(
  pool: Pool,
  root: string,
  how: { fractions: Fractions; seed: number },
): { parts: readonly Part[]; notes: readonly string[] } {
  const { dataset, hashes, prints, groups } = pool
  const { keys, alike } = unitsOf({ hashes, prints, groups: groups.names })
  const { parts, notes } = assignParts({ dataset, hashes, keys }, how)
  const trained = subset(
    dataset,
    allIndices(dataset.size).filter((index) => parts[index] === 'train'),
  )
  const lacking = countClasses(trained).indexOf(0)
  if (lacking < 0) return { parts, notes: [...notes, ...alikeNotes(dataset, alike)] }
  const name = printableName(dataset.classNames[lacking] ?? '')
  throw new RootstockError('DATA', `Cannot split "${printableName(root)}": every photo of class "${name}" is also in another class`, {
    hint: 'Add photos of its own to the class (a copy, or a photo of a group of another class, is not), or remove it',
  })
}

/** Photos that look alike without being equal, in words. */
export function alikeNotes(dataset: Dataset, alike: readonly (readonly number[])[]): string[] {
  const [a, b] = alike[0] ?? []
  if (a === undefined || b === undefined) return []
  const copies = alike.reduce((sum, list) => sum + list.length - 1, 0)
  const example = `"${dataset.describe(a)}" and "${dataset.describe(b)}"`
  const largest = Math.max(...alike.map((list) => list.length))
  const found = `The same as another one, but resized or compressed again: ${counted(copies, 'photo')}; the first is ${example}; copies stay in the same part`
  if (largest <= Math.max(10, dataset.size / 10)) return [found]
  return [
    found,
    `${largest} photos look alike and stay together; if they are different photos, compare bytes only (duplicates exact; on the command line --duplicates exact)`,
  ]
}

function divided({ dataset, hashes, prints }: Pool, parts: readonly Part[]): Pick<Split, Part | 'classNames' | 'copies'> {
  const part = (name: Part): Dataset =>
    subset(
      dataset,
      allIndices(dataset.size).filter((index) => parts[index] === name),
    )
  const copies = copiesOf(placedPhotos({ dataset, hashes, prints }, parts))
  return { train: part('train'), validation: part('validation'), test: part('test'), classNames: dataset.classNames, copies }
}

function placedPhotos({ dataset, hashes, prints }: Omit<Pool, 'groups'>, parts: readonly Part[]): PlacedPhoto[] {
  return hashes.map((hash, index) => ({ path: dataset.describe(index), part: parts[index] ?? 'train', hash, print: prints[index] }))
}

async function joinParts(layout: Extract<Layout, { kind: 'split' }>, context: SplitContext): Promise<Split> {
  const { root, options, reading } = context
  const folders = new Map<Part, FolderDataset>()
  for (const [part, inner] of layout.folders) folders.set(part, await scanFolder(inner, reading))
  const train = folders.get('train')
  if (!train) throw new RootstockError('DATA', `Cannot split "${printableName(root)}": there is no train folder`)
  sameClasses(root, train, folders)
  for (const dataset of folders.values()) checkClasses(dataset, reading.labelMode)
  const found: { part: Part; inspected: Inspected }[] = []
  for (const part of PARTS) {
    const dataset = folders.get(part)
    if (dataset) found.push({ part, inspected: await inspect(dataset, options) })
  }
  const dataset = concatenate(found.map(({ inspected }) => inspected.dataset))
  const groups = await groupsOf(namesIn(root, dataset), options)
  const pool: Pool = {
    dataset,
    hashes: found.flatMap(({ inspected }) => inspected.hashes),
    prints: found.flatMap(({ inspected }) => inspected.prints),
    groups,
  }
  const given = found.flatMap(({ part, inspected }) => inspected.hashes.map(() => part))
  const settled = settleLeaks(placedPhotos(pool, given), options.leaks ?? 'report')
  const own = folders.has('validation') ? { parts: settled.parts, notes: [] } : withValidation(pool, settled.parts, context)
  const notes = [
    ...(layout.others.length > 0 ? [`Not used beside the parts: ${layout.others.join(', ')}`] : []),
    ...skippedNotes([...folders.values()].flatMap(({ skipped }) => skipped)),
    ...groups.notes,
    ...tornGroupNotes(groups, given),
    ...settled.notes,
    ...(folders.has('test') ? [] : ['There is no test folder: no test accuracy will be reported']),
    ...own.notes,
  ]
  const unusable = found.flatMap(({ inspected }) => inspected.unusable)
  return { ...divided(pool, own.parts), layout: 'split', source: train.source, root, notes, unusable }
}

/** The parts with a share of the training photos kept for validation. */
function withValidation(
  pool: Pool,
  parts: readonly Part[],
  { root, fractions, options }: SplitContext,
): { parts: readonly Part[]; notes: readonly string[] } {
  const share = fractions.validation / (fractions.train + fractions.validation)
  const places = parts.flatMap((part, index) => (part === 'train' ? [index] : []))
  const chosen = <T>(list: readonly T[]): T[] => list.filter((_, index) => parts[index] === 'train')
  const whole: Pool = {
    dataset: subset(pool.dataset, places),
    hashes: chosen(pool.hashes),
    prints: chosen(pool.prints),
    groups: { names: chosen(pool.groups.names), notes: [] },
  }
  const own = assigned(whole, root, { fractions: { train: 1 - share, validation: share, test: 0 }, seed: options.seed ?? 0 })
  const all = [...parts]
  places.forEach((index, i) => (all[index] = own.parts[i] ?? 'train'))
  const taken = own.parts.filter((part) => part === 'validation').length
  const note = `There is no validation folder: ${counted(taken, 'photo')} of the ${places.length} in train are kept for it`
  return { parts: all, notes: [note, ...own.notes] }
}

/** The user's parts are kept, so a group in two of them can only be reported. */
function tornGroupNotes({ names }: FoundGroups, parts: readonly Part[]): string[] {
  const found = new Map<string, Set<Part>>()
  names.forEach((name, index) => {
    const part = parts[index]
    if (name !== undefined && part) found.set(name, (found.get(name) ?? new Set()).add(part))
  })
  const torn = [...found].filter(([, where]) => where.size > 1)
  const [first] = torn
  return first
    ? [
        `In more than one part: ${counted(torn.length, 'group')}, such as "${printableName(first[0])}"; the accuracy looks better than it is`,
      ]
    : []
}

function namesIn(root: string, dataset: Dataset): string[] {
  return allIndices(dataset.size).map((index) => relativeName(root, fileOf(dataset, index)))
}

function sameClasses(path: string, train: FolderDataset, parts: ReadonlyMap<Part, FolderDataset>): void {
  const names = (list: readonly string[]): string => list.map((name) => `"${printableName(name)}"`).join(', ')
  for (const [part, dataset] of parts) {
    const missing = train.classNames.filter((name) => !dataset.classNames.includes(name))
    const extra = dataset.classNames.filter((name) => !train.classNames.includes(name))
    if (missing.length === 0 && extra.length === 0) continue
    const found = [missing.length > 0 ? `only train has ${names(missing)}` : '', extra.length > 0 ? `only ${part} has ${names(extra)}` : '']
    throw new RootstockError(
      'DATA',
      `Cannot use "${printableName(path)}": train and ${part} differ in their classes: ${found.filter(Boolean).join('; ')}`,
      {
        hint: `Give train and ${part} the same class folders`,
      },
    )
  }
}

function checkChoices({ leaks = 'report', duplicates = 'near' }: SplitOptions): void {
  const [leakNames, duplicateNames]: readonly string[][] = [
    ['report', 'move', 'error'],
    ['near', 'exact'],
  ]
  if (!leakNames?.includes(leaks)) throw unknownName('choice for leaks', String(leaks), leakNames ?? [])
  if (!duplicateNames?.includes(duplicates)) throw unknownName('choice for duplicates', String(duplicates), duplicateNames ?? [])
}
