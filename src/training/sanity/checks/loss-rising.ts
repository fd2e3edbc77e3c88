/** @file loss-rising: a loss that has left the range in which anything is learned, and may become NaN. */
import { shortOf, type SanityCheck } from '../check.ts'

/** So many times the loss at the beginning, or of a guess. */
const TIMES = 10
/** So many batches in a row: a single one may hold a strange photo. */
const SOME = 3

export const lossRising: SanityCheck = {
  id: 'loss-rising',
  when: ['batch'],
  look({ losses, first, steps, facts: { guess, knows } }) {
    // Of weights that know something, learning-rate tells it earlier.
    if (first === undefined || knows || losses.length <= SOME) return undefined
    const recent = losses.slice(-SOME)
    if (Math.min(...recent) < TIMES * Math.max(first, guess ?? first)) return undefined
    return {
      found: `The loss rises fast: ${shortOf(first)} at the beginning, ${recent.map(shortOf).join(', ')} in the last steps up to ${steps}; the next may be NaN`,
      remedy: 'Lower the learning rate ten times, or clip the gradients (clipnorm: 1)',
    }
  },
}
