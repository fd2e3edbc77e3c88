/** @file What `fit` is told about random changes of its training photos, and which view of a photo an epoch sees. */
import { RootstockError, shownValue } from '../errors.ts'
import { random, type Tensor } from '../tensor/index.ts'
import { augment, viewsOf, type Augmentation, type BatchAugmentation, type View } from '../image/index.ts'
import type { Batch } from './source.ts'

/** Random changes of the training photos; validation and test photos are never changed. */
export interface AugmentationOptions {
  /** Changes of single photos, applied in order: `image.randomFlip({ mode: 'horizontal' })` and its like. */
  readonly augmentation?: Augmentation | readonly Augmentation[]
  /**
   * With a frozen trunk: fixed views per photo, computed once, stored, and taken in turn, one an epoch. Default 4.
   * Without one every epoch draws a new view.
   */
  readonly views?: number
  /** Height and width at which photos are read before `augmentation`, where it makes them smaller (randomCrop). */
  readonly readSize?: readonly [number, number]
  /** Mixes the samples of a batch: `image.mixup()`, or `image.cutmix()` where no frozen trunk lies before. Mixup mixes stored features. */
  readonly mix?: BatchAugmentation
}

/** The views of a run. */
export interface Views {
  /** Fixed ones, to be stored. */
  readonly fixed: readonly View[]
  /** A new one for every epoch. */
  inEpoch(epoch: number): View
}

/** Undefined where no photo is changed. Code USAGE for views without an augmentation. */
export function viewsFor({ augmentation, views, readSize }: AugmentationOptions, seed: number): Views | undefined {
  const list = augmentation === undefined ? [] : [augmentation].flat()
  if (list.length === 0) {
    if (views === undefined && readSize === undefined) return undefined
    throw new RootstockError('USAGE', `Cannot train with ${views === undefined ? 'a readSize' : `${views} views`}: found no augmentation`, {
      hint: 'Give an augmentation too, such as randomFlip; on the command line --flip, --rotation and their like',
    })
  }
  const change = augment(list)
  const more = { seed, ...(readSize && { readSize }) }
  return {
    fixed: viewsOf(change, { ...more, views: views ?? 4 }),
    inEpoch: (epoch) => ({ augmentation: change, index: epoch, ...more }),
  }
}

/** Refuses what is no mixture, and cutmix of features, before any are computed. Code USAGE. */
export function checkMix({ mix }: AugmentationOptions, { computes }: { readonly computes: boolean }): void {
  if (mix !== undefined && typeof (mix as Partial<BatchAugmentation> | null)?.apply !== 'function') {
    throw new RootstockError('USAGE', `Cannot mix samples: found ${shownValue(mix)}, expected what mixup or cutmix gives`, {
      hint: 'As in mix: image.mixup()',
    })
  }
  if (!computes || mix?.name !== 'cutmix') return
  throw new RootstockError('USAGE', 'Cannot use cutmix: the photos pass a frozen trunk once, and features have no rectangles', {
    hint: 'Use mixup, or train all layers',
  })
}

/** The batch with its samples mixed. Every value on the freeze boundary is mixed alike. Code USAGE for labels that cannot be shared. */
export function mixBatch(batch: Batch, mix: BatchAugmentation, at: { seed: number; epoch: number; batch: number }): Batch {
  const { labels } = batch
  if (labels.dtype !== 'float32' || labels.shape.length !== 2) {
    throw new RootstockError('USAGE', 'Cannot mix samples: found class numbers, expected one row of shares per sample', {
      hint: "Use the loss 'categoricalCrossentropy'",
    })
  }
  const mixed = batch.features.map((x) =>
    mix.apply({ x, y: labels as Tensor<'float32'> }, random(`mix/${at.seed}/${at.epoch}/${at.batch}`)),
  )
  return { ...batch, features: mixed.map(({ x }) => x), labels: mixed[0]?.y ?? labels }
}
