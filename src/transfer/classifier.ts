/** @file A classifier: a model with its class names and the way it reads photos. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import { loadPixels, preprocessPixels, type Interpolation, type PreprocessMode } from '../image/index.ts'
import { stack, type Tensor } from '../tensor/index.ts'
import type { Model } from '../training/index.ts'
import type { EvaluateFolderOptions, Evaluation, Prediction, TrainReport } from './options.ts'
import type { SaveClassifierOptions, SavedClassifier } from './save-classifier.ts'

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

/** A photo that no path leads to: what it is called, and its bytes, asked for when its turn comes. */
export interface PhotoFile {
  /** The name under which its answers come. */
  readonly file: string
  /** Throws IMAGE where there is nothing to read. */
  bytes(): Promise<Uint8Array>
}

/** One photo's answers, or why there are none. */
export type PhotoResult =
  { readonly file: string; readonly top: readonly Prediction[] } | { readonly file: string; readonly reason: string }

/** What computes the answers where there is no model of layers: the graph of a classifier.onnx. */
export interface AnsweringNetwork {
  predict(photos: Tensor<'float32'>): Promise<Tensor<'float32'>>
  summary(): string
  dispose(): Promise<void>
}

export interface ClassifierParts {
  readonly model: Model | AnsweringNetwork
  readonly network: string
  readonly labels: readonly { readonly label: string; readonly wnid?: string }[]
  readonly reading: PhotoReading
  readonly report?: TrainReport | undefined
}

const PREDICT: Readonly<Record<keyof PredictPhotoOptions, true>> = { top: true, exif: true, interpolation: true }
const photosAtOnce = 4

/** Names photos. Made by `trainClassifier`, `loadClassifier` or `pretrainedClassifier`. */
export class Classifier {
  /** The network that it stands on. */
  readonly network: string
  /** How photos are read; part of what was learned. */
  readonly reading: PhotoReading
  /** What the training run said of itself, where there was one. */
  readonly report: TrainReport | undefined
  readonly #net: Model | AnsweringNetwork
  readonly #labels: ClassifierParts['labels']

  /** From a model and what goes with it; users call `trainClassifier`, `loadClassifier` or `pretrainedClassifier`. */
  constructor(parts: ClassifierParts) {
    this.#net = parts.model
    this.network = parts.network
    this.reading = parts.reading
    this.report = parts.report
    this.#labels = parts.labels
  }

  /** The layers and weights. Throws USAGE for a classifier of a classifier.onnx, which holds a graph without layers. */
  get model(): Model {
    if ('layers' in this.#net) return this.#net
    throw new RootstockError('USAGE', `Cannot take the layers of this ${this.network}: a classifier.onnx holds a graph without layers`, {
      hint: 'Open the folder of its run, or a .keras file',
    })
  }

  /** The classes, in the order of the model's outputs. */
  get classNames(): readonly string[] {
    return this.#labels.map(({ label }) => label)
  }

  /** ImageNet's keys of the classes, where they are ImageNet's. */
  get wnids(): readonly string[] | undefined {
    const keys = this.#labels.flatMap(({ wnid }) => wnid ?? [])
    return keys.length === this.#labels.length ? keys : undefined
  }

  /** All probabilities [n, classes] of photos that were read and prepared as `reading` says, [n, size, size, 3]. */
  probabilities(photos: Tensor<'float32'>): Promise<Tensor<'float32'>> {
    return this.#net.predict(photos)
  }

  /** The most probable classes of one photo (a path or its bytes). Throws IMAGE where it cannot be read. */
  async predict(photo: string | Uint8Array, options: PredictPhotoOptions = {}): Promise<Prediction[]> {
    refuseUnknown('predict', options, PREDICT)
    const [top] = await this.#classify([await this.#read(photo, options)], options)
    return top!
  }

  /** Many photos, in order, a few at a time; one that cannot be read comes with its reason. */
  async *predictAll(files: Iterable<string | PhotoFile>, options: PredictPhotoOptions = {}): AsyncGenerator<PhotoResult, void, undefined> {
    refuseUnknown('predictAll', options, PREDICT)
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
  async evaluate(folder: string, options: EvaluateFolderOptions = {}): Promise<Evaluation> {
    refuseUnknown('evaluate', options, { onEvent: true, followLinks: true })
    const { evaluateClassifier } = await import('./evaluate-classifier.ts')
    return evaluateClassifier(this, folder, options)
  }

  /**
   * Writes the classifier, by the name's ending: `.onnx` (see docs/classifier-file.md), `.keras`, `.h5` (the class names go beside them, into
   * NAME.labels.json), `.weights.h5` or `.safetensors`. Throws USAGE and FILE.
   */
  async save(path: string, options: SaveClassifierOptions = {}): Promise<SavedClassifier> {
    refuseUnknown('save', options, { precision: true, created: true, onEvent: true })
    const { saveClassifier } = await import('./save-classifier.ts')
    return saveClassifier(this, path, options)
  }

  /** The table that Keras prints; of a classifier.onnx, its operators. */
  summary(): string {
    return this.#net.summary()
  }

  /** Frees native memory. */
  dispose(): Promise<void> {
    return this.#net.dispose()
  }

  async #readSome(
    files: readonly (string | PhotoFile)[],
    options: PredictPhotoOptions,
  ): Promise<{ file: string; tensor?: Tensor<'float32'>; reason?: string }[]> {
    return Promise.all(
      files.map(async (photo) => {
        const file = typeof photo === 'string' ? photo : photo.file
        try {
          return { file, tensor: await this.#read(typeof photo === 'string' ? photo : await photo.bytes(), options) }
        } catch (error) {
          if (error instanceof RootstockError && error.code === 'IMAGE') return { file, reason: error.message }
          throw error
        }
      }),
    )
  }

  async #read(photo: string | Uint8Array, options: PredictPhotoOptions): Promise<Tensor<'float32'>> {
    const { size, preprocessing, interpolation, exif } = this.reading
    const pixels = await loadPixels(photo, {
      targetSize: [size, size],
      interpolation: options.interpolation ?? interpolation,
      exif: options.exif ?? exif,
    })
    return preprocessPixels(pixels, preprocessing)
  }

  async #classify(photos: readonly Tensor<'float32'>[], { top = 3 }: PredictPhotoOptions): Promise<Prediction[][]> {
    if (!Number.isInteger(top) || top < 1)
      throw new RootstockError('USAGE', `Invalid top: found ${top}, expected a whole number of at least 1`)
    const { data } = await this.#net.predict(stack(photos))
    const width = this.#labels.length
    return photos.map((_, i) => {
      const row = Array.from(data.subarray(i * width, (i + 1) * width), (probability, label) => ({ ...this.#labels[label]!, probability }))
      return row.sort((a, b) => b.probability - a.probability).slice(0, top)
    })
  }
}
