/** @file The interface that everything trains on: labelled pictures in any order, each read when it is needed. */
import { RootstockError } from '../errors.ts'
import type { Interpolation, PreprocessMode, View } from '../image/index.ts'
import type { Tensor } from '../tensor/index.ts'

/** One picture of a dataset, by number and by name. */
export interface Sample {
  /** Its place in the dataset, from 0. */
  readonly index: number
  /** The file's path or, where there is no file, the index; printable. */
  readonly id: string
}

/** How a picture becomes the input of a network. */
export interface ReadOptions {
  /** Height and width in pixels. */
  readonly size: readonly [number, number]
  /** What the numbers, 0 to 255, go through. */
  readonly preprocessing: PreprocessMode
  /** Default 'nearest', which is Keras's. */
  readonly interpolation?: Interpolation
  /** Whether the camera's turn is applied; default 'apply'. */
  readonly exif?: 'apply' | 'ignore'
  /** The random change to see the photo with, drawn by the photo's content; training only. Default: none. */
  readonly view?: View
  /** Where the numbers may be put if there are as many; the tensor says where they are. Default new memory. */
  readonly into?: Float32Array
}

/** How labels are handed to the loss: one-hot rows, class numbers, or one column of 0 and 1. */
export type LabelMode = 'categorical' | 'int' | 'binary'

/** What a dataset asks for where the caller of `fit` says nothing. */
export interface DatasetDefaults extends Partial<ReadOptions> {
  /** Form of the labels; default what the loss takes. */
  readonly labelMode: LabelMode
  /** Another order in every epoch. */
  readonly shuffle: boolean
  /** Undefined: the training's own seed. */
  readonly seed?: number
}

/** Labelled pictures with random access, so that features can be stored by index. */
export interface Dataset {
  /** Number of samples. */
  readonly size: number
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[]
  /** The class index of every sample. */
  readonly labels: Int32Array
  /** What `fit` is to assume where its caller says nothing. */
  readonly defaults?: DatasetDefaults
  /** One picture [height, width, channels], preprocessed; code IMAGE with the reason where it cannot be used. */
  read(index: number, how: ReadOptions): Promise<Tensor<'float32'>>
  /** The sample's name for messages: printable, in one line. */
  describe(index: number): string
  /** SHA-256 (hexadecimal) of the sample's bytes: the key under which its features may be kept. */
  hash?(index: number): Promise<string>
  /** The byte-exact path of the sample's file. */
  file?(index: number): Buffer
}

/** Something that becomes a dataset when it is opened, such as an `imageFolder`. */
export interface DatasetSource {
  /** Reads what is needed to tell the size and the classes. Throws DATA and FILE. */
  open(): Promise<Dataset>
}

/** The dataset itself, opened first where it is a source. */
export async function openDataset(data: Dataset | DatasetSource): Promise<Dataset> {
  return 'open' in data ? data.open() : data
}

/** Reading options: what the dataset asks for, else what the network needs. */
export function readOptionsFor(dataset: Dataset, network: ReadOptions): ReadOptions {
  const { size, preprocessing, interpolation, exif } = dataset.defaults ?? {}
  return {
    ...network,
    ...(size && { size }),
    ...(preprocessing && { preprocessing }),
    ...(interpolation && { interpolation }),
    ...(exif && { exif }),
  }
}

/** A view of the samples at `indices`, in that order; classes keep their numbers. */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const chosen = Int32Array.from(indices)
  const original = (index: number): number => {
    const found = chosen[index]
    if (found !== undefined) return found
    throw new RootstockError('DATA', `Cannot read sample ${index}: the dataset has ${chosen.length} samples`)
  }
  return {
    size: chosen.length,
    classNames: dataset.classNames,
    labels: chosen.map((index) => labelAt(dataset, index)),
    ...(dataset.defaults && { defaults: dataset.defaults }),
    read: async (index, how) => dataset.read(original(index), how),
    describe: (index) => dataset.describe(original(index)),
    ...(dataset.hash && { hash: async (index: number) => hashOf(dataset, original(index)) }),
    ...(dataset.file && { file: (index: number) => fileOf(dataset, original(index)) }),
  }
}

/** The samples of several datasets of the same classes, one after the other. */
export function concatenate(datasets: readonly Dataset[]): Dataset {
  const [first] = datasets
  if (!first) throw new RootstockError('DATA', 'Cannot join datasets: none was given')
  const places = datasets.flatMap((dataset) => allIndices(dataset.size).map((index) => ({ dataset, index })))
  const place = (index: number): { dataset: Dataset; index: number } => {
    const found = places[index]
    if (found) return found
    throw new RootstockError('DATA', `Cannot read sample ${index}: the dataset has ${places.length} samples`)
  }
  return {
    size: places.length,
    classNames: first.classNames,
    labels: Int32Array.from(places, ({ dataset, index }) => labelAt(dataset, index)),
    ...(first.defaults && { defaults: first.defaults }),
    read: async (index, how) => place(index).dataset.read(place(index).index, how),
    describe: (index) => place(index).dataset.describe(place(index).index),
    hash: async (index) => hashOf(place(index).dataset, place(index).index),
    file: (index) => fileOf(place(index).dataset, place(index).index),
  }
}

/** A view without the samples at `indices`; the others keep their order. */
export function withoutSamples(dataset: Dataset, indices: Iterable<number>): Dataset {
  const dropped = new Set(indices)
  return subset(
    dataset,
    allIndices(dataset.size).filter((index) => !dropped.has(index)),
  )
}

/** 0 … size − 1. */
export function allIndices(size: number): number[] {
  return Array.from({ length: size }, (_, index) => index)
}

/** How many samples each class has, by class index. */
export function countClasses(dataset: Pick<Dataset, 'labels' | 'classNames'>): number[] {
  const counts = dataset.classNames.map(() => 0)
  for (const label of dataset.labels) counts[label] = (counts[label] ?? 0) + 1
  return counts
}

/** The hash of a sample's bytes; code DATA where the dataset has none. */
export async function hashOf(dataset: Dataset, index: number): Promise<string> {
  if (!dataset.hash) throw new RootstockError('DATA', `Cannot hash "${dataset.describe(index)}": its dataset does not keep files`)
  return dataset.hash(index)
}

/** The byte-exact path of a sample's file; code DATA where the dataset has none. */
export function fileOf(dataset: Dataset, index: number): Buffer {
  if (!dataset.file) throw new RootstockError('DATA', `Cannot find "${dataset.describe(index)}": its dataset does not keep files`)
  return dataset.file(index)
}

function labelAt(dataset: Dataset, index: number): number {
  const label = dataset.labels[index]
  if (label !== undefined) return label
  throw new RootstockError('DATA', `Cannot choose sample ${index}: the dataset has ${dataset.size} samples`)
}
