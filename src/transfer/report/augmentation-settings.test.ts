/** @file Tests of augmentations as settings: flags where these say all of it, words otherwise. */
import { expect, it } from 'vitest'
import * as image from '../../image/index.ts'
import type { Augmentation } from '../../image/index.ts'
import { augmentationSettings } from './augmentation-settings.ts'

const own = (name: string): Augmentation => ({ name, description: 'my own', apply: (picture) => picture })

it.each<[string, readonly Augmentation[], Record<string, string | number>]>([
  [
    'flags in their order',
    [image.randomFlip({ mode: 'horizontal' }), image.randomRotation({ factor: 0.05 }), image.randomContrast({ factor: 0.2 })],
    { flip: 'horizontal', rotation: 0.05, contrast: 0.2 },
  ],
  ['brightness and RandAugment', [image.randomBrightness({ factor: 0.1 }), image.randAugment()], { brightness: 0.1, randAugment: 0.5 }],
])('%s become flags', (_, list, expected) => expect(augmentationSettings(list)).toEqual(expected))

it.each<[string, Augmentation]>([
  ['another range of values', image.randomContrast({ factor: 0.2, valueRange: [0, 1] })],
  ['another range of brightness', image.randomBrightness({ factor: 0.2, valueRange: [0, 1] })],
  ['another range of RandAugment', image.randAugment({ valueRange: [0, 1] })],
  ['a factor of 0, which no flag takes', image.randomRotation({ factor: 0 })],
  ['another fill', image.randomZoom({ heightFactor: 0.1, fillMode: 'constant' })],
  ["one of the user's own under a known name", own('randomFlip')],
])('%s is told in words', (_, augmentation) => {
  expect(augmentationSettings([augmentation])).toEqual({ augmentation: augmentation.description })
})
