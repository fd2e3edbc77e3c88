/** @file learning-rate: steps so large that what the weights knew is lost. */
import { meanOf, shortOf, type Finding, type RunStatistics, type SanityCheck } from '../check.ts'

/** The last batches, against the one before the first step. */
const RECENT = 3
/** So many times the first loss, and so much of a guess's loss above it. */
const TIMES = 2
const SHARE = 0.5
/** A validation loss above the one before the first step by this share of a guess's loss, and by three of its errors. */
const WORSE = 0.25
/** Kernels that moved as far as this share of their size within the first steps are others now. */
const MOVED = 1

export const learningRate: SanityCheck = {
  id: 'learning-rate',
  when: ['batch', 'epoch'],
  look(seen) {
    if (!seen.facts.knows) return undefined
    return lossJumped(seen) ?? kernelsMoved(seen) ?? validationWorse(seen)
  },
}

const remedy =
  'Lower the learning rate ten times (fine-tuning takes 1e-4 or less with Adam), and train a new head before the layers below it'

function lossJumped({ steps, first, losses, facts: { guess } }: RunStatistics): Finding | undefined {
  if (first === undefined || steps <= RECENT || losses.length < RECENT) return undefined
  const now = meanOf(losses.slice(-RECENT))
  if (now < TIMES * first || now < first + SHARE * (guess ?? first)) return undefined
  return {
    found: `The loss jumped from ${shortOf(first)} before the first step to ${shortOf(now)}: the steps destroy what the weights knew`,
    remedy,
  }
}

function kernelsMoved({ moved, steps }: RunStatistics): Finding | undefined {
  if (moved === undefined || moved < MOVED) return undefined
  return {
    found: `In ${steps} steps the kernels moved by ${shortOf(moved)} times their own size: little is left of what they knew`,
    remedy,
  }
}

function validationWorse({ epochs, validation, facts: { start, guess } }: RunStatistics): Finding | undefined {
  const loss = validation[0]?.loss
  if (epochs !== 1 || loss === undefined || !start) return undefined
  if (loss < start.loss + Math.max(3 * start.error, WORSE * (guess ?? start.loss))) return undefined
  return { found: `The validation loss is ${shortOf(loss)} after an epoch, and was ${shortOf(start.loss)} before the first step`, remedy }
}
