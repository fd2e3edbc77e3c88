/** @file Training, validation and test photos of a folder: its own parts where it has them, else a split by content that stays put. */
import { RootstockError } from '../errors.ts'
import { forEachBounded } from './bytes.ts'
import { checkClasses } from './class-folders.ts'
import { allIndices, countClasses, subset } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { scanFolder } from './image-folder.ts'
import type { FolderDataset, ImageFolder, ImageFolderOptions } from './image-folder.ts'
import { layoutOf } from './layout.ts'
import type { Part } from './layout.ts'
import { counted, printableName } from './names.ts'
import { quarantine, tryHash } from './quarantine.ts'
import type { QuarantineOptions, Unusable, UnusableSample } from './quarantine.ts'
import { assignParts } from './assign.ts'
import type { Fractions } from './assign.ts'

/** How a folder is split; the shares are of each class. */
export interface SplitOptions extends QuarantineOptions {
  /** Default: what the other two leave, 0.7. */
  readonly train?: number
  /** Default 0.15. */
  readonly validation?: number
  /** Default 0.15. */
  readonly test?: number
  /** Another seed gives another split; default 0. */
  readonly seed?: number
  /** How the pictures are read, where `folder` is a path. */
  readonly folder?: ImageFolderOptions
  /** Hears of every file whose content was looked at. */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/** A folder in three parts. */
export interface Split {
  readonly layout: 'flat' | 'split'
  readonly train: Dataset
  readonly validation: Dataset
  readonly test: Dataset
  readonly classNames: readonly string[]
  /** What the reader should know: how the folder was read, repeated photos, small classes. */
  readonly notes: readonly string[]
  /** Files that are not part of any dataset because they could not be read. */
  readonly unusable: readonly Unusable[]
}

/**
 * The parts of a photo folder. A folder with `train/` and `validation/` keeps its parts; without `validation/`, a share of `train/` is taken.
 * Any other folder is split by `assignParts`: each photo's part follows from its content and the seed, so adding photos moves no other.
 * Code DATA where classes differ between parts, or a class has no photo to train with.
 */
export async function splitOf(folder: string | ImageFolder, options: SplitOptions = {}): Promise<Split> {
  const path = typeof folder === 'string' ? folder : folder.path
  const reading = typeof folder === 'string' ? (options.folder ?? {}) : folder.options
  const fractions = fractionsOf(options)
  const layout = await layoutOf(path, reading)
  if (layout.kind === 'flat') return splitFlat(await opened(path, reading), fractions, options)
  const parts = new Map<Part, FolderDataset>()
  for (const [part, inner] of layout.folders) parts.set(part, await scanFolder(inner, reading))
  const notes = layout.others.length > 0 ? [`Not used beside the parts: ${layout.others.join(', ')}`] : []
  const split = await joinParts(path, parts, { fractions, options, reading })
  return { ...split, notes: [...notes, ...split.notes] }
}

async function opened(path: string, reading: ImageFolderOptions): Promise<FolderDataset> {
  const dataset = await scanFolder(path, reading)
  checkClasses(dataset, reading.labelMode)
  return dataset
}

/** A dataset of which every sample could be read once, with the content hash of each. */
interface Hashed {
  readonly dataset: Dataset
  readonly hashes: readonly string[]
  readonly unusable: readonly Unusable[]
}

async function splitFlat(whole: FolderDataset, fractions: Fractions, options: SplitOptions): Promise<Split> {
  const found = await hashed(whole, options)
  const { notes, ...parts } = cut(found, whole.root, { fractions, seed: options.seed ?? 0 })
  const { classNames } = whole
  return { layout: 'flat', ...parts, classNames, notes: [...skippedNote([whole]), ...notes], unusable: found.unusable }
}

function cut(found: Hashed, root: string, how: { fractions: Fractions; seed: number }): Pick<Split, Part | 'notes'> {
  const { dataset } = found
  const { parts, notes } = assignParts(found, how)
  const part = (name: Part): Dataset =>
    subset(
      dataset,
      allIndices(dataset.size).filter((index) => parts[index] === name),
    )
  const train = part('train')
  const lacking = countClasses(train).indexOf(0)
  if (lacking < 0) return { train, validation: part('validation'), test: part('test'), notes }
  const name = printableName(dataset.classNames[lacking] ?? '')
  throw new RootstockError('DATA', `Cannot split "${printableName(root)}": every photo of class "${name}" is also in another class`, {
    hint: 'Add photos of its own to the class, or remove it',
  })
}

interface JoinContext {
  readonly fractions: Fractions
  readonly options: SplitOptions
  readonly reading: ImageFolderOptions
}

async function joinParts(path: string, parts: ReadonlyMap<Part, FolderDataset>, context: JoinContext): Promise<Split> {
  const { fractions, options, reading } = context
  const train = parts.get('train')
  if (!train) throw new RootstockError('DATA', `Cannot split "${printableName(path)}": there is no train folder`)
  sameClasses(path, train, parts)
  for (const dataset of parts.values()) checkClasses(dataset, reading.labelMode)
  const validation = parts.get('validation')
  const test = parts.get('test')
  const kept = new Map<Part, Hashed>()
  for (const [part, dataset] of parts) kept.set(part, await hashed(dataset, options))
  const usable = (part: Part): Dataset => kept.get(part)?.dataset ?? subset(train, [])
  const unusable = [...kept.values()].flatMap((part) => part.unusable)
  const notes = [...skippedNote([...parts.values()]), ...leakNotes(kept)]
  if (!test) notes.push('There is no test folder: no test accuracy will be reported')
  const common = { layout: 'split', test: usable('test'), classNames: train.classNames, unusable } as const
  if (validation) return { ...common, train: usable('train'), validation: usable('validation'), notes }
  const share = fractions.validation / (fractions.train + fractions.validation)
  const whole = kept.get('train') ?? (await hashed(train, options))
  const own = cut(whole, train.root, { fractions: { train: 1 - share, validation: share, test: 0 }, seed: options.seed ?? 0 })
  const taken = `There is no validation folder: ${counted(own.validation.size, 'photo')} of the ${whole.dataset.size} in train are kept for it`
  return { ...common, train: own.train, validation: own.validation, notes: [...notes, taken, ...own.notes] }
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

async function hashed(whole: FolderDataset, options: SplitOptions): Promise<Hashed> {
  const hashes = new Array<string>(whole.size).fill('')
  const failures: UnusableSample[] = []
  let done = 0
  const work = async (index: number): Promise<void> => {
    const result = await tryHash(whole, index)
    if (result.ok) hashes[index] = result.hash
    else failures.push({ index, id: whole.describe(index), reason: result.reason })
    options.onProgress?.(++done, whole.size)
  }
  await forEachBounded(whole.size, work, { signal: options.signal })
  const { dataset, unusable } = quarantine(
    whole,
    failures.sort((a, b) => a.index - b.index),
    options,
  )
  return { dataset, hashes: hashes.filter((hash) => hash !== ''), unusable }
}

/** The same photo in train and validation makes the accuracy look better than it is. */
function leakNotes(parts: ReadonlyMap<Part, Hashed>): string[] {
  const trained = new Set(parts.get('train')?.hashes ?? [])
  return (['validation', 'test'] as const).flatMap((part) => {
    const seen = (parts.get(part)?.hashes ?? []).filter((hash) => trained.has(hash)).length
    return seen > 0 ? [`In train and in ${part}: ${counted(seen, 'photo')}; the accuracy on ${part} looks better than it is`] : []
  })
}

function skippedNote(folders: readonly FolderDataset[]): string[] {
  const skipped = folders.flatMap((folder) => folder.skipped)
  const [first] = skipped
  if (!first) return []
  return [`Skipped: ${counted(skipped.length, 'other file')}; the first is "${first.path}", ${first.reason}`]
}

function fractionsOf({ train, validation = 0.15, test = 0.15 }: SplitOptions): Fractions {
  const rest = train ?? 1 - validation - test
  const isShare = (value: number): boolean => value >= 0 && value <= 1
  if (![rest, validation, test].every(isShare) || Math.abs(rest + validation + test - 1) > 1e-9 || rest <= 0) {
    throw new RootstockError(
      'USAGE',
      `Cannot split: the shares are train ${round(rest)}, validation ${validation}, test ${test}, expected shares from 0 to 1 with the sum 1`,
      { hint: 'Give validation and test only; train gets the rest' },
    )
  }
  return { train: rest, validation, test }
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
