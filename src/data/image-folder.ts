/** @file A folder with one folder of photos per class, as a dataset. */
import { stat } from 'node:fs/promises'
import { messageOf, RootstockError, shownValue, unknownName, refuseUnknown } from '../errors.ts'
import { applyViewAt, imgToArray, INTERPOLATIONS, loadPixels, preprocess, preprocessModes, preprocessPixels } from '../image/index.ts'
import type { Interpolation, PreprocessMode } from '../image/index.ts'
import { forEachBounded, readPictureFile, sha256, unreadable } from './bytes.ts'
import { checkClasses } from './class-folders.ts'
import type { Dataset, DatasetDefaults, DatasetSource, LabelMode, ReadOptions } from './dataset.ts'
import { labelledFiles, photoRoot } from './label-source.ts'
import type { LabelsFrom, LabelSource } from './label-source.ts'
import { printableName } from './names.ts'
import { openScanner } from './scan.ts'
import type { ScanOptions, Skipped } from './scan.ts'

/** How a photo folder is read; sizes and preprocessing left out are the network's. */
export interface ImageFolderOptions extends ScanOptions {
  /** What says the class of a photo; default 'auto': class folders, names such as cat.0.jpg, or a table labels.csv or labels.jsonl. */
  readonly labelsFrom?: LabelsFrom
  /** The classes to use and their order; default: all, sorted by name. */
  readonly classNames?: readonly string[]
  /** Height and width in pixels. */
  readonly targetSize?: readonly [number, number]
  /** What photos (0 to 255) go through. Default the network's own. */
  readonly preprocessing?: PreprocessMode
  /** Default 'nearest', which is Keras's. */
  readonly interpolation?: Interpolation
  /** Whether the camera's turn is applied; default 'apply'. */
  readonly exif?: 'apply' | 'ignore'
  /** Default 'categorical'. */
  readonly labelMode?: LabelMode
  /** Whether `fit` shuffles every epoch; default true. */
  readonly shuffle?: boolean
  /** Of the order of photos. Default that of `fit`. */
  readonly seed?: number
}

const OPTIONS: Readonly<Record<keyof ImageFolderOptions, true>> = {
  labelsFrom: true,
  classNames: true,
  targetSize: true,
  preprocessing: true,
  interpolation: true,
  exif: true,
  labelMode: true,
  shuffle: true,
  seed: true,
  followLinks: true,
  extensions: true,
}

/** A scanned photo folder. */
export interface FolderDataset extends Dataset {
  /** The folder. */
  readonly root: string
  /** What the labels were read from. */
  readonly source: LabelSource
  /** How the labels were found, in words, where it is not class folders. */
  readonly notes: readonly string[]
  /** What is wrong with the table of labels in the folder, where one lies there and cannot be used. */
  readonly unusedTable?: string
  /** Class folders beside those that were asked for, printable. */
  readonly otherClasses: readonly string[]
  /** What `fit` is to assume, from the options of the folder. */
  readonly defaults: DatasetDefaults
  /** What lies in the folder and is not part of the dataset. */
  readonly skipped: readonly Skipped[]
  hash(index: number): Promise<string>
  file(index: number): Buffer
  /** The file as it was when it was first hashed; code IMAGE where it has changed. */
  bytes(index: number): Promise<Buffer>
}

/** A photo folder that is scanned when it is first opened. */
export interface ImageFolder extends DatasetSource {
  /** As it was given. */
  readonly path: string
  /** As they were given. */
  readonly options: ImageFolderOptions
  /**
   * Scans once; every call gives the same dataset, in which photos that were edited since have the content that they have now. Code DATA where the
   * folder is not a set of at least two classes with photos.
   */
  open(): Promise<FolderDataset>
}

const LABEL_MODES: readonly LabelMode[] = ['categorical', 'int', 'binary']

/**
 * A folder with one folder of photos per class, ordered as Keras orders it. Nothing is read until it is opened; `fit` does that.
 * @example const photos = await imageFolder('data/train', { targetSize: [224, 224] }).open()
 */
export function imageFolder(path: string, options: ImageFolderOptions = {}): ImageFolder {
  refuseUnknown('imageFolder', options, OPTIONS)
  checkOptions(options)
  if (typeof (path as unknown) !== 'string') throw wrong('the path', path, 'a string')
  let opened: Promise<ReadFiles> | undefined
  const scan = async (): Promise<ReadFiles> => {
    const files = await scanFiles(path, options)
    checkClasses(files.dataset, options.labelMode)
    return files
  }
  const open = async (): Promise<FolderDataset> => {
    const { dataset, forgetChanged } = await (opened ??= scan())
    // A run must see what the files hold when it begins: features are filed under their hashes.
    await forgetChanged()
    return dataset
  }
  return { path, options, open }
}

/** Scans without judging the classes: none, one or empty ones are returned as found. */
export async function scanFolder(path: string, options: ImageFolderOptions): Promise<FolderDataset> {
  return (await scanFiles(path, options)).dataset
}

async function scanFiles(path: string, options: ImageFolderOptions): Promise<ReadFiles> {
  const root = photoRoot(path)
  const scanner = await openScanner(root, options)
  const labelled = await labelledFiles(scanner, path, options)
  return readFiles({ root, ...labelled, skipped: scanner.skipped, defaults: defaultsOf(options) })
}

/** What a dataset of files is made of. */
export interface FolderParts extends Pick<
  FolderDataset,
  'root' | 'source' | 'notes' | 'unusedTable' | 'classNames' | 'skipped' | 'defaults'
> {
  readonly otherClasses?: readonly string[]
  readonly files: readonly Buffer[]
  readonly labels: readonly number[]
}

/** Files with their labels as a dataset. */
export function folderDataset(parts: FolderParts): FolderDataset {
  return readFiles(parts).dataset
}

interface ReadFiles {
  readonly dataset: FolderDataset
  /** Forgets the hashes of files that were written to since they were read. */
  forgetChanged(this: void): Promise<void>
}

function readFiles({ files, labels, otherClasses = [], ...parts }: FolderParts): ReadFiles {
  const hashes = new Map<number, string>()
  const stamps = new Map<number, string>()
  const file = (index: number): Buffer => {
    const path = files[index]
    if (path) return path
    throw new RootstockError('DATA', `Cannot read sample ${index}: the folder "${printableName(parts.root)}" has ${files.length} pictures`)
  }
  const describe = (index: number): string => printableName(file(index))
  const stored = async (index: number): Promise<Buffer> => readPictureFile(file(index), describe(index))
  const hash = async (index: number): Promise<string> => {
    const known = hashes.get(index)
    if (known !== undefined) return known
    stamps.set(index, await stampOf(file(index)))
    const found = hashes.get(index) ?? sha256(await stored(index))
    hashes.set(index, found)
    return found
  }
  const bytes = async (index: number): Promise<Buffer> => {
    const found = await stored(index)
    const known = hashes.get(index)
    // Features and splits are filed under the hash, so other bytes under the same name must not pass for it.
    if (known === undefined || known === sha256(found)) return found
    throw unreadable(describe(index), 'the file was changed since the folder was scanned')
  }
  const read: Dataset['read'] = async (index, how) => decode(await bytes(index), describe(index), how)
  const dataset = { ...parts, otherClasses, size: files.length, labels: Int32Array.from(labels), read, describe, hash, file, bytes }
  const forgetChanged = async (): Promise<void> => {
    const known = [...hashes.keys()]
    await forEachBounded(known.length, async (place) => {
      const index = known[place]!
      if (stamps.get(index) !== (await stampOf(file(index)))) hashes.delete(index)
    })
  }
  return { dataset, forgetChanged }
}

/** Changes whenever the file is written to; empty where there is none. */
async function stampOf(path: Buffer): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found ? [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':') : ''
}

async function decode(bytes: Buffer, shown: string, how: ReadOptions): ReturnType<Dataset['read']> {
  const { size, preprocessing, interpolation = 'nearest', exif = 'apply', view, into } = how
  const [height, width] = view?.readSize ?? size
  try {
    const picture = await loadPixels(bytes, { targetSize: [height, width], interpolation, exif })
    if (!view) return preprocessPixels(picture, preprocessing, into)
    return preprocess(applyViewAt(imgToArray(picture), view, { photo: sha256(bytes), size }), preprocessing)
  } catch (error) {
    if (!(error instanceof RootstockError) || error.code !== 'IMAGE') throw error
    // The decoder was given bytes: its message has the reason after the colon, and the name is ours to add.
    throw unreadable(shown, messageOf(error).replace(/^Cannot [^:]*: /, ''), error)
  }
}

/** What `fit` is asked for where its caller says nothing. */
export function defaultsOf(options: ImageFolderOptions): DatasetDefaults {
  const { targetSize, preprocessing, interpolation = 'nearest', exif = 'apply', labelMode = 'categorical', shuffle = true, seed } = options
  return {
    interpolation,
    exif,
    labelMode,
    shuffle,
    ...(targetSize && { size: targetSize }),
    ...(preprocessing && { preprocessing }),
    ...(seed !== undefined && { seed }),
  }
}

function checkOptions(options: ImageFolderOptions): void {
  const { targetSize, labelMode, classNames, interpolation, exif, preprocessing, extensions } = options
  if (targetSize !== undefined && !isSize(targetSize)) throw wrong('targetSize', targetSize, '[height, width] in whole pixels')
  checkName('interpolation', interpolation, INTERPOLATIONS)
  checkName('label mode', labelMode, LABEL_MODES)
  checkName('exif', exif, ['apply', 'ignore'])
  checkName('preprocessing', preprocessing, preprocessModes)
  if (classNames !== undefined && !isTexts(classNames)) throw wrong('classNames', classNames, 'a list of names')
  if (extensions !== undefined && !(isTexts(extensions) && extensions.every((extension) => extension.startsWith('.'))))
    throw wrong('extensions', extensions, "a list of extensions with their dot, such as ['.jpg']")
  if (classNames && new Set(classNames).size !== classNames.length) {
    throw new RootstockError('USAGE', 'Cannot read the folder: classNames names a class twice, expected every class once')
  }
}

function checkName(kind: string, found: string | undefined, valid: readonly string[]): void {
  if (found !== undefined && !valid.includes(found)) throw unknownName(kind, String(found), valid)
}

function isSize(found: unknown): boolean {
  return Array.isArray(found) && found.length === 2 && found.every((side) => Number.isInteger(side) && Number(side) > 0)
}

function isTexts(found: unknown): found is readonly string[] {
  return Array.isArray(found) && found.every((text) => typeof text === 'string')
}

function wrong(name: string, found: unknown, expected: string): RootstockError {
  const shown = Array.isArray(found) ? `[${found.map(String).join(',')}]` : shownValue(found)
  return new RootstockError('USAGE', `Cannot read the folder: ${name} is ${shown}, expected ${expected}`)
}
