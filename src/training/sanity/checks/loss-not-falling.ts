/** @file loss-not-falling: after many steps nothing is learned. */
import { shortOf, type SanityCheck } from '../check.ts'

/** Steps after which even a network from random weights has learned something. */
const STEPS = 100
/** Or so many epochs, of small sets. */
const EPOCHS = 5
/** A loss that is left at this share of its beginning has not fallen. */
const LEFT = 0.97
/** A run that begins below this share of a guess's loss has learned already. */
const LEARNED = 0.2

export const lossNotFalling: SanityCheck = {
  id: 'loss-not-falling',
  when: ['epoch'],
  look({ steps, epochs, opening, epochLosses, facts: { guess } }) {
    if (opening === undefined || epochs < 2 || (steps < STEPS && epochs < EPOCHS)) return undefined
    const least = Math.min(...epochLosses)
    if (least < LEFT * opening || opening < LEARNED * (guess ?? 0)) return undefined
    return {
      found: `The loss does not fall: ${shortOf(opening)} at the beginning, ${shortOf(least)} in the best of ${epochs} epochs`,
      remedy: 'Check that photos and labels belong together, then try a learning rate ten times higher or lower (model.findLearningRate)',
    }
  },
}
