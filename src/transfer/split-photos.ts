/** @file The photos of a folder as a training takes them: split by content, resized by 'bilinear'. */
import { openHashCache, splitOf, type Split, type Unusable } from '../data/index.ts'
import type { TrainClassifierOptions } from './options.ts'
import { pick } from './pick.ts'
import { lookEvents } from './work-progress.ts'

/** What decides which photo goes where, and what its label is. */
export type SplitPhotosOptions = Pick<
  TrainClassifierOptions,
  'seed' | 'labelsFrom' | 'validation' | 'test' | 'signal' | 'duplicates' | 'leaks' | 'groups' | 'groupPattern' | 'followLinks'
>

/** The photos in three parts; `onEvent` hears how far the look at them is. What they look like is remembered, so that each is decoded for it once. */
export async function splitPhotos(
  folder: string,
  options: SplitPhotosOptions,
  onEvent?: TrainClassifierOptions['onEvent'],
): Promise<Split> {
  const { seed = 0 } = options
  const given = pick(options, ['validation', 'test', 'signal', 'duplicates', 'leaks', 'groups', 'groupPattern'])
  const { cache, close, damage } = await openHashCache()
  if (damage !== undefined) onEvent?.({ type: 'warning', message: damage, by: 'featureStore' })
  try {
    const reading = { interpolation: 'bilinear', seed, ...pick(options, ['labelsFrom', 'followLinks']) } as const
    // Which part they would have been in is not known yet.
    const onRefused = (picture: Unusable): void => onEvent?.({ type: 'unusable', split: 'train', ...picture })
    return await splitOf(folder, { ...given, seed, onProgress: lookEvents(onEvent), onRefused, hashCache: cache, folder: reading })
  } finally {
    await close()
  }
}
