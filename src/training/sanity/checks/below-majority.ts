/** @file below-majority: answers that are no better than always the same one. */
import { percentOf, type SanityCheck } from '../check.ts'

/** A head on a pretrained network is better after this many epochs and steps. */
const EPOCHS = 3
const STEPS = 20
/** Of fewer photos held out than this, a good classifier may miss the largest class's share by chance. */
const CERTAIN = 30

export const belowMajority: SanityCheck = {
  id: 'below-majority',
  when: ['epoch'],
  look({ epochs, steps, validation, facts }) {
    const { held, knows, epochs: planned = Infinity } = facts
    const total = held?.reduce((sum, count) => sum + count, 0) ?? 0
    // Networks from random weights take longer: half of the run.
    const patience = knows === false ? Math.max(EPOCHS, planned / 2) : EPOCHS
    if (!held || total === 0 || steps < STEPS || epochs < Math.min(patience, planned)) return undefined
    const majority = Math.max(...held) / total
    const accuracies = validation.flatMap(({ accuracy }) => (accuracy === undefined ? [] : [accuracy]))
    const best = Math.max(...accuracies)
    const room = total < CERTAIN ? Math.sqrt((majority * (1 - majority)) / total) : 0
    if (accuracies.length === 0 || best > majority - room + 1e-9 || majority === 1) return undefined
    return {
      found: `After ${epochs} epochs ${percentOf(best)} of the validation photos are named rightly at best, and always the same answer gets ${percentOf(majority)}`,
      remedy:
        'Check that photos and labels belong together and how the photos are prepared; then try another learning rate, or more photos',
    }
  },
}
