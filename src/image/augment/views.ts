/** @file Views: which random change a photo gets, fixed by seed, photo and number, so that its features can be stored. */
import { RootstockError } from '../../errors.ts'
import { random, showShape } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { Augmentation } from './augmentation.ts'
import { checkAugmentation, checkCount } from './augmentation.ts'

/** One of the ways in which every photo is seen. */
export interface View {
  /** What changes the photo; undefined for none. */
  readonly augmentation: Augmentation
  /** Of the change. */
  readonly seed: number
  /** Counted from 0: one of k fixed views, or the epoch where nothing is stored. */
  readonly index: number
  /** Height and width at which photos are read before the change, where it makes them smaller (randomCrop); default: the size asked for. */
  readonly readSize?: readonly [number, number]
}

/** How many views there are, and what draws them. */
export interface ViewOptions {
  /** Default 0. */
  readonly seed?: number
  /** Views per photo, from 1. */
  readonly views: number
  /** Height and width at which photos are read before they are changed. */
  readonly readSize?: readonly [number, number]
}

// Far more than any training sees, and few enough to hold.
const mostViews = 10_000

/** `views` fixed views: with a frozen trunk each costs one pass over the photos, once. */
export function viewsOf(augmentation: Augmentation, { seed = 0, views, readSize }: ViewOptions): View[] {
  checkAugmentation(augmentation)
  checkCount('views', views, 1)
  if (views > mostViews) {
    throw new RootstockError('USAGE', `Cannot augment: views is ${views}, expected at most ${mostViews}`, {
      hint: 'Each costs one pass over the photos; more than there are epochs are never seen',
    })
  }
  return Array.from({ length: views }, (_, index) => ({ augmentation, seed, index, ...(readSize && { readSize }) }))
}

/** The picture as this view of the photo shows it; `photo` is the photo's content hash. */
export function applyView(pixels: Tensor<'float32'>, view: View, photo: string): Tensor<'float32'> {
  return view.augmentation.apply(pixels, random(`augment/${view.seed}/${photo}/${view.index}`))
}

/** As `applyView`, for a network's input: code SHAPE where the result is not `size` large. */
export function applyViewAt(
  pixels: Tensor<'float32'>,
  view: View,
  { photo, size }: { photo: string; size: readonly [number, number] },
): Tensor<'float32'> {
  const changed = applyView(pixels, view, photo)
  if (changed.shape[0] === size[0] && changed.shape[1] === size[1]) return changed
  throw new RootstockError(
    'SHAPE',
    `Cannot augment: the result has the shape ${showShape(changed.shape)}, expected [${size.join(',')},3]`,
    {
      hint: "Give randomCrop the height and width of the network's input",
    },
  )
}

/** What a view's results are stored under, beside the photo's content hash: equal keys mean equal pictures. */
export function viewKey({ augmentation, seed, index, readSize }: View): string {
  // The number after "augment" is raised whenever the code draws or computes otherwise.
  return `augment1 ${augmentation.description} read=${readSize?.join('x') ?? 'size'} seed=${seed} view=${index}`
}

/** Which of `views` stored views a photo is seen in during an epoch: over any `views` epochs in a row that begin at a multiple of it, each once. */
export function viewInEpoch(photo: string, epoch: number, { seed = 0, views }: Pick<ViewOptions, 'seed' | 'views'>): number {
  const round = Math.floor(epoch / views)
  const order = random(`views/${seed}/${photo}/${round}`).shuffle(Array.from({ length: views }, (_, i) => i))
  return order[epoch % views] ?? 0
}
