/** @file pixel-range: photos whose numbers are not those that the network was trained on. */
import type { Finding, Pixels, SanityCheck } from '../check.ts'

/** Least and largest number that each way of preparing photos gives. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  tf: [-1, 1],
  tutorial: [0, 1],
  torch: [-2.12, 2.64],
  caffe: [-123.7, 151.1],
}

/** Room for augmentations that make photos lighter or darker. */
const ROOM = 1.5

export const pixelRange: SanityCheck = {
  id: 'pixel-range',
  when: ['begin'],
  look({ facts: { pixels } }) {
    if (!pixels) return undefined
    return pixels.range ? tensorFinding(pixels, pixels.range) : folderFinding(pixels)
  },
}

function folderFinding({ model, own, used }: Pixels): Finding | undefined {
  if (used === undefined || used === own) return undefined
  return {
    found: `Photos are prepared as "${used}", but ${model} was trained on "${own}": expect worse answers`,
    remedy: 'Leave preprocessing out',
  }
}

function tensorFinding({ model, own }: Pixels, [least, most]: readonly [number, number]): Finding | undefined {
  if (!Number.isFinite(least) || !Number.isFinite(most)) {
    return {
      found: 'Some numbers of the photos are not finite',
      remedy: 'Look at how they are read and scaled: one NaN spoils every weight',
    }
  }
  const [from, to] = RANGES[own] ?? []
  if (from === undefined || to === undefined) return undefined
  const isOutside = most > to * ROOM || least < Math.min(from * ROOM, -0.01 * to)
  // Every set of photos has something dark: without it the range is another one.
  const isNarrow = (from < 0 && least >= 0) || most - least < (to - from) / 8
  if (!isOutside && !isNarrow) return undefined
  const expected = `${own === 'caffe' ? 'about ' : ''}${Math.round(from)} to ${Math.round(to)} ("${own}")`
  return {
    found: `The photos hold numbers from ${brief(least)} to ${brief(most)}, but ${model} was trained on ${expected}`,
    remedy: 'Pass numbers from 0 to 255 through applications.preprocessInput, once',
  }
}

const brief = (value: number): string => String(Number(value.toPrecision(3)))
