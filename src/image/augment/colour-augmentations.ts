/** @file Augmentations of colour with Keras's arguments: contrast, brightness, and RandAugment with all its operations. */
import { RootstockError, refuseUnknown } from '../../errors.ts'
import type { Random, Tensor } from '../../tensor/index.ts'
import { AFFINE_INTERPOLATIONS } from './affine.ts'
import { augmentation, between, bounds, checkChoice, checkCount } from './augmentation.ts'
import type { Augmentation, Factor } from './augmentation.ts'
import {
  adjustBrightness,
  adjustContrast,
  adjustSharpness,
  autoContrast,
  degenerateColour,
  equalize,
  posterize,
  solarize,
} from './colour.ts'
import type { ValueRange } from './colour.ts'
import { randomRotation, randomShear, randomTranslation } from './geometric.ts'

/** Settings of augmentations that change values. */
export interface ColourOptions {
  /** Lowest and highest value of the pictures; default [0, 255], which is what a dataset's augmentations see. */
  readonly valueRange?: ValueRange
}

/** Contrast between 1 − lower and 1 + upper of its own; one number is both (as Keras documents it; Keras 3.15 takes 0 for the lower one). */
export function randomContrast(options: ColourOptions & { readonly factor: Factor }): Augmentation {
  refuseUnknown('randomContrast', options, { factor: true, valueRange: true })
  const { factor, valueRange = [0, 255] } = options
  const [lower, upper] = typeof factor === 'number' ? bounds('factor', [factor, factor], [0, 1]) : given('factor', factor, [0, 1])
  const range = checkedRange(valueRange)
  const strengths = [1 - lower, 1 + upper] as const
  return augmentation('randomContrast', { factor: [lower, upper], valueRange: range }, (picture, rng) =>
    adjustContrast(picture, between(rng, strengths), range),
  )
}

/** Adds a part of the range, `factor` from −1 (black) to 1 (white); one number is both sides of 0. */
export function randomBrightness(options: ColourOptions & { readonly factor: Factor }): Augmentation {
  refuseUnknown('randomBrightness', options, { factor: true, valueRange: true })
  const { factor, valueRange = [0, 255] } = options
  const strengths = bounds('factor', factor, [-1, 1])
  const range = checkedRange(valueRange)
  return augmentation('randomBrightness', { factor: strengths, valueRange: range }, (picture, rng) =>
    adjustBrightness(picture, between(rng, strengths), range),
  )
}

/** Settings of `randAugment`, Keras's. */
export interface RandAugmentOptions extends ColourOptions {
  /** Operations per picture, drawn out of eleven, one after the other; default 2. */
  readonly numOps?: number
  /** Greatest strength of each, or the two bounds, from 0 to 1; default 0.5. */
  readonly factor?: Factor
  /** Default 'bilinear'. */
  readonly interpolation?: 'bilinear' | 'nearest'
}

/**
 * RandAugment (arXiv 1909.13719) with Keras's eleven operations and strengths: shear, translation, rotation, brightness, colour, contrast,
 * sharpness, posterize, solarize, auto contrast, equalize.
 */
export function randAugment(options: RandAugmentOptions = {}): Augmentation {
  refuseUnknown('randAugment', options, { valueRange: true, numOps: true, factor: true, interpolation: true })
  const { valueRange = [0, 255], numOps = 2, factor = 0.5, interpolation = 'bilinear' } = options
  checkCount('numOps', numOps, 1)
  checkChoice('interpolation', interpolation, AFFINE_INTERPOLATIONS)
  const strengths = bounds('factor', factor, [0, 1])
  const range = checkedRange(valueRange)
  const operations = operationsOf(strengths, range, interpolation)
  return augmentation('randAugment', { valueRange: range, numOps, factor: strengths, interpolation }, (picture, rng) => {
    let changed = picture
    for (let i = 0; i < numOps; i++) changed = operations[rng.integer(operations.length)]?.(changed, rng) ?? changed
    return changed
  })
}

type Operation = (picture: Tensor<'float32'>, rng: Random) => Tensor<'float32'>

function operationsOf(
  strengths: readonly [number, number],
  range: ValueRange,
  interpolation: 'bilinear' | 'nearest',
): readonly Operation[] {
  const [lower, upper] = strengths
  const fill = { interpolation, fillMode: 'reflect' } as const
  // Keras's highest number of bits is exclusive, except where it is the lowest one as well.
  const mostBits = Math.max(1, Math.trunc(8 * upper))
  const slant = randomShear({ xFactor: strengths, yFactor: strengths, ...fill })
  const shift = randomTranslation({ heightFactor: strengths, widthFactor: strengths, ...fill })
  const turn = randomRotation({ factor: strengths, ...fill })
  return [
    (picture, rng) => slant.apply(picture, rng),
    (picture, rng) => shift.apply(picture, rng),
    (picture, rng) => turn.apply(picture, rng),
    (picture, rng) => adjustBrightness(picture, between(rng, strengths), range),
    (picture, rng) => degenerateColour(picture, between(rng, strengths), range),
    (picture, rng) => adjustContrast(picture, between(rng, [1 - lower, 1 + upper]), range),
    (picture, rng) => adjustSharpness(picture, between(rng, strengths), range),
    (picture, rng) => posterize(picture, 1 + rng.integer(Math.max(1, mostBits - 1)), range),
    (picture, rng) => {
      const addition = between(rng, [lower, upper * 255])
      return solarize(picture, { addition, threshold: between(rng, [lower, upper * 255]) }, range)
    },
    (picture) => autoContrast(picture, range),
    (picture) => equalize(picture, range),
  ]
}

/** Two numbers that are not bounds of one range: their order counts. */
function given(name: string, factor: readonly [number, number], range: readonly [number, number]): readonly [number, number] {
  bounds(name, factor, range)
  return factor
}

function checkedRange(range: ValueRange): ValueRange {
  const [low, high, ...more] = Array.isArray(range) ? (range as readonly unknown[]) : []
  if (Number.isFinite(low) && Number.isFinite(high) && Number(low) < Number(high) && more.length === 0) return [Number(low), Number(high)]
  throw new RootstockError('USAGE', `Cannot augment: valueRange is ${JSON.stringify(range)}, expected the lowest and the highest value`)
}
