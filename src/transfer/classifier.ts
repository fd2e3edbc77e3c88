/** @file A classifier: a model with its class names and the way it reads photos. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RootstockError } from '../errors.ts'
import { loadWeightsFile } from '../formats/keras/index.ts'
import { load, preprocess, type Interpolation, type PreprocessMode } from '../image/index.ts'
import { stack, type Tensor } from '../tensor/index.ts'
import type { Model, TrainingEvent } from '../training/index.ts'
import { buildClassifierModel } from './classifier-model.ts'
import { evaluateClassifier } from './evaluate-classifier.ts'
import type { Evaluation, Prediction, TrainReport } from './options.ts'
import { readRunSettings, runFiles } from './run-folder.ts'

/** How a classifier reads photos. */
export interface PhotoReading {
  readonly size: number
  readonly preprocessing: PreprocessMode
  readonly interpolation: Interpolation
  readonly exif: 'apply' | 'ignore'
}

export interface PredictPhotoOptions {
  /** Answers per photo, most probable first. Default 3, at most the number of classes. */
  readonly top?: number
  /** Default: as in training. */
  readonly exif?: 'apply' | 'ignore'
  /** Default: as in training. */
  readonly interpolation?: Interpolation
}

/** One photo's answers, or why there are none. */
export type PhotoResult =
  { readonly file: string; readonly top: readonly Prediction[] } | { readonly file: string; readonly reason: string }

export interface ClassifierParts {
  readonly model: Model
  readonly network: string
  readonly labels: readonly { readonly label: string; readonly wnid?: string }[]
  readonly reading: PhotoReading
  readonly report?: TrainReport | undefined
}

const photosAtOnce = 4

/** Names photos. Made by `trainClassifier`, `loadClassifier` or `pretrainedClassifier`. */
export class Classifier {
  readonly model: Model
  readonly network: string
  /** How photos are read; part of what was learned. */
  readonly reading: PhotoReading
  /** What the training run said of itself, where there was one. */
  readonly report: TrainReport | undefined
  readonly #labels: ClassifierParts['labels']

  constructor(parts: ClassifierParts) {
    this.model = parts.model
    this.network = parts.network
    this.reading = parts.reading
    this.report = parts.report
    this.#labels = parts.labels
  }

  get classNames(): readonly string[] {
    return this.#labels.map(({ label }) => label)
  }

  /** The most probable classes of one photo (a path or its bytes). Throws IMAGE where it cannot be read. */
  async predict(photo: string | Uint8Array, options: PredictPhotoOptions = {}): Promise<Prediction[]> {
    const [top] = await this.#classify([await this.#read(photo, options)], options)
    return top!
  }

  /** Many photos, in order, a few at a time; one that cannot be read comes with its reason. */
  async *predictAll(files: Iterable<string>, options: PredictPhotoOptions = {}): AsyncGenerator<PhotoResult, void, undefined> {
    const waiting = [...files]
    let next = this.#readSome(waiting.splice(0, photosAtOnce), options)
    for (;;) {
      const read = await next
      if (read.length === 0) return
      next = this.#readSome(waiting.splice(0, photosAtOnce), options)
      const usable = read.flatMap(({ tensor }) => (tensor ? [tensor] : []))
      const answers = usable.length > 0 ? await this.#classify(usable, options) : []
      for (const { file, tensor, reason } of read) yield tensor ? { file, top: answers.shift()! } : { file, reason: reason ?? '' }
    }
  }

  /** Accuracy, loss, figures of every class and the confusion matrix over a folder with one folder per class. */
  evaluate(folder: string, options: { readonly onEvent?: (event: TrainingEvent) => void } = {}): Promise<Evaluation> {
    return evaluateClassifier(this, folder, options)
  }

  /** The table that Keras prints. */
  summary(): string {
    return this.model.summary()
  }

  /** Frees native memory. */
  dispose(): Promise<void> {
    return this.model.dispose()
  }

  async #readSome(
    files: readonly string[],
    options: PredictPhotoOptions,
  ): Promise<{ file: string; tensor?: Tensor<'float32'>; reason?: string }[]> {
    return Promise.all(
      files.map(async (file) => {
        try {
          return { file, tensor: await this.#read(file, options) }
        } catch (error) {
          if (error instanceof RootstockError && error.code === 'IMAGE') return { file, reason: error.message }
          throw error
        }
      }),
    )
  }

  async #read(photo: string | Uint8Array, options: PredictPhotoOptions): Promise<Tensor<'float32'>> {
    const { size, preprocessing, interpolation, exif } = this.reading
    const pixels = await load(photo, {
      targetSize: [size, size],
      interpolation: options.interpolation ?? interpolation,
      exif: options.exif ?? exif,
    })
    return preprocess(pixels, preprocessing)
  }

  async #classify(photos: readonly Tensor<'float32'>[], { top = 3 }: PredictPhotoOptions): Promise<Prediction[][]> {
    if (!Number.isInteger(top) || top < 1)
      throw new RootstockError('USAGE', `Invalid top: found ${top}, expected a whole number of at least 1`)
    const { data } = await this.model.predict(stack(photos))
    const width = this.#labels.length
    return photos.map((_, i) => {
      const row = Array.from(data.subarray(i * width, (i + 1) * width), (probability, label) => ({ ...this.#labels[label]!, probability }))
      return row.sort((a, b) => b.probability - a.probability).slice(0, top)
    })
  }
}

/** The classifier of a finished run: its folder. */
export async function loadClassifier(path: string): Promise<Classifier> {
  const found = await stat(path).catch(() => undefined)
  if (!found)
    throw new RootstockError('FILE', `Cannot load a classifier: there is no ${path}`, {
      hint: 'Give a folder that "rootstock train" wrote',
    })
  if (!found.isDirectory()) {
    throw new RootstockError('FORMAT', `Cannot load a classifier from ${path}: found a file, expected the folder of a run`, {
      hint: 'Give a folder that "rootstock train" wrote',
    })
  }
  const settings = await readRunSettings(path)
  const { net } = await buildClassifierModel(settings, null)
  loadWeightsFile(net, join(path, runFiles.best))
  const { size, interpolation, exif } = settings
  return new Classifier({
    model: net,
    network: settings.network,
    labels: settings.classes.map((label) => ({ label })),
    reading: { size, interpolation, exif, preprocessing: (net.preprocessing ?? 'none') as PreprocessMode },
    report: settings.report as TrainReport | undefined,
  })
}
