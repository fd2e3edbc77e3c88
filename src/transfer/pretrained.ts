/** @file A released network with its thousand ImageNet classes, as a classifier. */
import { refuseUnknown } from '../errors.ts'
import { application, networkOf, refuseWeightsTypo } from '../applications/index.ts'
import type { TrainingEvent } from '../training/index.ts'
import { downloadEvents } from './work-progress.ts'
import { Classifier } from './classifier.ts'
import { imagenetClasses, imagenetReading } from './imagenet.ts'

/** What `pretrainedClassifier` takes. */
export interface PretrainedOptions {
  /** MobileNet's width. Default 1. */
  readonly alpha?: number
  /** 'imagenet', 'none', or a path to an .h5 file with the top; the embedded weights have none. Default 'imagenet'. */
  readonly weights?: string
  /** Height and width; only with weights that are given by a path. Default the network's own. */
  readonly size?: number
  /** Hears of a download. */
  readonly onEvent?: (event: TrainingEvent) => void
  /** Stops a download. */
  readonly signal?: AbortSignal
}

/** A network with the ImageNet top. */
export async function pretrainedClassifier(network: string, options: PretrainedOptions = {}): Promise<Classifier> {
  refuseUnknown('pretrainedClassifier', options, { alpha: true, weights: true, size: true, onEvent: true, signal: true })
  const { id, defaultSize, preprocessing } = networkOf(network)
  const size = options.size ?? defaultSize
  if (options.weights !== undefined) refuseWeightsTypo(options.weights, ['imagenet', 'none'])
  const weights = options.weights === 'none' ? null : (options.weights ?? 'imagenet')
  const net = await application(id, {
    weights,
    inputShape: [size, size, 3],
    signal: options.signal,
    onProgress: downloadEvents(options.onEvent),
    ...(options.alpha === undefined ? {} : { alpha: options.alpha }),
  })
  return new Classifier({
    model: net,
    network: id,
    labels: imagenetClasses,
    reading: imagenetReading(size, preprocessing),
  })
}
