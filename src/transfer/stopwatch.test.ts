/** @file What a run says of its time. */
import { expect, it } from 'vitest'
import type { Split } from '../training/index.ts'
import { Stopwatch } from './stopwatch.ts'

type Step = readonly [split: Split, done: number, seconds: number, stored?: number]

it.each<[string, readonly Step[], { features: number; imagesPerSecond: number }]>([
  [
    'both stages of a fine-tuning',
    [
      ['train', 4, 1],
      ['train', 8, 2],
      ['validation', 2, 0.5],
      ['train', 4, 1.5],
      ['train', 8, 3],
      ['train', 8, 3],
      ['validation', 2, 0.5],
    ],
    { features: 6, imagesPerSecond: 20 / 6 },
  ],
  [
    'the same photos twice, the second time from the store',
    [
      ['train', 8, 2],
      ['train', 8, 1, 8],
    ],
    { features: 3, imagesPerSecond: 4 },
  ],
])('counts %s', (_, steps, expected) => {
  const watch = new Stopwatch()
  for (const [split, done, seconds, stored = 0] of steps) watch.see({ type: 'featuresProgress', split, done, total: 8, seconds, stored })
  expect({ features: watch.seconds().features, imagesPerSecond: watch.imagesPerSecond() }).toEqual(expected)
})
