/** @file same-pictures and seen-in-training: photos that are there twice, in two classes or on both sides of the measurement. */
import type { SanityCheck } from '../check.ts'

export const samePictures: SanityCheck = {
  id: 'same-pictures',
  when: ['begin'],
  look({ facts: { twins } }) {
    if (!twins || twins.count === 0) return undefined
    const [a, b] = twins.first
    return {
      found: `${counted(twins.count)} in more than one class: ${a} is in ${twins.classes[0]}, and ${b}, the same picture, in ${twins.classes[1]}`,
      remedy: 'Delete the one with the wrong label: no network can learn both',
    }
  },
}

export const seenInTraining: SanityCheck = {
  id: 'seen-in-training',
  when: ['begin'],
  look({ facts: { seen } }) {
    if (!seen || seen.count === 0) return undefined
    const [a, b] = seen.first
    return {
      found: `${counted(seen.count)} in training and in ${seen.part}: ${a} and ${b}; the accuracy on ${seen.part} looks better than it is`,
      remedy: 'Delete the copies, or let rootstock split the folder (it keeps copies together)',
    }
  },
}

const counted = (count: number): string => (count === 1 ? '1 photo is' : `${count} photos are`)
