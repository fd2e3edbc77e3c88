/** @file loss-rising: a loss that grows without end, and is about to become NaN. */
import { meanOf, shortOf, type SanityCheck } from '../check.ts'

/** So many times the loss at the beginning, or of a guess. */
const TIMES = 10
/** Batches on each side of the comparison. */
const SOME = 3

export const lossRising: SanityCheck = {
  id: 'loss-rising',
  when: ['batch'],
  look({ losses, first, steps, facts: { guess } }) {
    const last = losses.at(-1)
    if (last === undefined || first === undefined || losses.length < 2 * SOME) return undefined
    const now = meanOf(losses.slice(-SOME))
    const before = meanOf(losses.slice(-2 * SOME, -SOME))
    if (now < TIMES * Math.max(first, guess ?? first) || now < 1.2 * before) return undefined
    return {
      found: `The loss rises fast: ${shortOf(now)} at step ${steps}, ${shortOf(before)} a few steps before, ${shortOf(first)} at the beginning; it will end in NaN`,
      remedy: 'Lower the learning rate, or clip the gradients (clipnorm: 1)',
    }
  },
}
