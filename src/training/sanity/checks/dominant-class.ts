/** @file dominant-class: one class has most of the photos, and nothing makes up for it. */
import { percentOf, type SanityCheck } from '../check.ts'

/** So many times the photos of the class in the middle. */
const TIMES = 5
/** At least this share of all photos. */
const SHARE = 0.5

export const dominantClass: SanityCheck = {
  id: 'dominant-class',
  when: ['begin'],
  look({ facts: { classes, isWeighted } }) {
    if (!classes || isWeighted) return undefined
    const [largest = 0, ...others] = classes.counts.filter((count) => count > 0).sort((a, b) => b - a)
    const middle = others[Math.floor(others.length / 2)]
    const share = largest / (largest + others.reduce((sum, count) => sum + count, 0))
    if (middle === undefined || largest < TIMES * middle || share < SHARE) return undefined
    const name = classes.names[classes.counts.indexOf(largest)] ?? 'one class'
    return {
      found: `Class ${name} has ${percentOf(share)} of the training photos: answering it always looks accurate, and the others may never be learned`,
      remedy: 'Add photos of the other classes, or balance them (classWeight, --class-weight balanced)',
    }
  },
}
