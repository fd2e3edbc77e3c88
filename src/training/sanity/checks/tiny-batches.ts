/** @file tiny-batches: batch norms that train on the statistics of a few photos. */
import type { SanityCheck } from '../check.ts'

/** Below 8 photos the error of batch norm grows fast (Wu and He, Group Normalization, 2018, figure 1). */
const LEAST = 8

export const tinyBatches: SanityCheck = {
  id: 'tiny-batches',
  when: ['begin'],
  look({ facts: { learnsStatistics, batchSize } }) {
    if (!learnsStatistics || batchSize === undefined || batchSize >= LEAST) return undefined
    return {
      found: `Batch norms train on ${batchSize === 1 ? 'a single photo' : `${batchSize} photos`} at a time: their statistics are mostly noise`,
      remedy: 'Take batches of 16 or more, or freeze the BatchNormalization layers of a pretrained network',
    }
  },
}
