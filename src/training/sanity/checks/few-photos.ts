/** @file few-photos: a class with too few photos to learn from. */
import type { SanityCheck } from '../check.ts'

/** Below this a class's accuracy is mostly a matter of which photos there happen to be. */
const LEAST = 10

export const fewPhotos: SanityCheck = {
  id: 'few-photos',
  when: ['begin'],
  look({ facts: { classes } }) {
    if (!classes || classes.counts.length < 2) return undefined
    const few = classes.counts.flatMap((count, label) => (count < LEAST ? [{ count, name: classes.names[label] ?? String(label) }] : []))
    const [least] = [...few].sort((a, b) => a.count - b.count)
    if (!least) return undefined
    const also = few.length > 1 ? `, and of ${classes.counts.length} classes ${few.length} have fewer than ${LEAST}` : ''
    return {
      found: `Class ${least.name} has ${least.count} training ${least.count === 1 ? 'photo' : 'photos'}${also}: too few to learn from`,
      remedy: `Add photos: ${LEAST} for each class at least, better 50 or more`,
    }
  },
}
