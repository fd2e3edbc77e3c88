/** @file All checks, in the order in which they are told. */
import type { SanityCheck } from '../check.ts'
import { belowMajority } from './below-majority.ts'
import { samePictures, seenInTraining } from './copies.ts'
import { dominantClass } from './dominant-class.ts'
import { fewPhotos } from './few-photos.ts'
import { learningRate } from './learning-rate.ts'
import { lossNotFalling } from './loss-not-falling.ts'
import { lossRising } from './loss-rising.ts'
import { oneClass } from './one-class.ts'
import { pixelRange } from './pixel-range.ts'
import { tinyBatches } from './tiny-batches.ts'

export const sanityChecks: readonly SanityCheck[] = [
  pixelRange,
  oneClass,
  fewPhotos,
  dominantClass,
  samePictures,
  seenInTraining,
  tinyBatches,
  lossRising,
  learningRate,
  lossNotFalling,
  belowMajority,
]
