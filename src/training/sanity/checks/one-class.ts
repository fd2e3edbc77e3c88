/** @file one-class: labels that are all the same. */
import type { SanityCheck } from '../check.ts'

export const oneClass: SanityCheck = {
  id: 'one-class',
  when: ['begin'],
  look({ facts: { classes } }) {
    const present = classes?.counts.flatMap((count, label) => (count > 0 ? [label] : []))
    if (!classes || present?.length !== 1 || classes.counts[present[0]!] === 1) return undefined
    return {
      found: `All ${classes.counts[present[0]!]} training photos have the same label, ${classes.names[present[0]!] ?? present[0]}: there is nothing to learn`,
      remedy: 'Look at how the labels are read, and shuffle before a part is split off',
    }
  },
}
