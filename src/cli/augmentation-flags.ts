/** @file Flags for random changes of training photos, for every command that trains or shows them. */
import { RootstockError } from '../errors.ts'
import type { Augmentation } from '../image/index.ts'
import type { FlagValues } from './command.ts'
import { choice, count, part, quantity, type Range } from './flag-values.ts'

const below: Range = { bounds: { exclusiveMinimum: 0, exclusiveMaximum: 1 }, expected: 'a number above 0 and below 1' }

/** One flag per augmentation; they are applied in this order. */
export const augmentationFlags = {
  crop: count('PIXELS', 'Read photos at PIXELS × PIXELS and take a random window of the network\'s size; more than that size'), // prettier-ignore
  flip: choice('HOW', 'Turn over at random: horizontal, vertical or both', ['horizontal', 'vertical', 'both'] as const),
  rotation: quantity('PART', 'Turn by up to this part of the full circle to either side: 0.05 is 18 degrees', part),
  zoom: quantity('PART', 'Zoom in or out by up to this part', below),
  translation: quantity('PART', 'Shift by up to this part of the height and width', part),
  shear: quantity('PART', 'Slant by up to this part', part),
  contrast: quantity('PART', 'Change the contrast by up to this part', part),
  brightness: quantity('PART', 'Lighten or darken by up to this part of the range', part),
  randAugment: quantity('STRENGTH', 'RandAugment: two of eleven changes, up to this strength; 0.5 is usual', part),
} as const

export type AugmentationValues = FlagValues<typeof augmentationFlags>

/** What `fit` and `trainClassifier` take; empty where no flag was given. */
export interface ChosenAugmentation {
  readonly augmentation?: readonly Augmentation[]
  readonly readSize?: readonly [number, number]
}

/** The augmentations that the flags ask for, for pictures of so many pixels a side, which only a crop asks for. Throws USAGE for one that is not larger. */
export async function augmentationOf(values: AugmentationValues, sizeOf: () => number | Promise<number>): Promise<ChosenAugmentation> {
  const given = Object.keys(augmentationFlags).filter((key) => values[key as keyof AugmentationValues] !== undefined)
  if (given.length === 0) return {}
  const image = await import('../image/index.ts')
  const { crop, flip, rotation, zoom, translation, shear, contrast, brightness, randAugment } = values
  const size = crop === undefined ? 0 : await sizeOf()
  if (crop !== undefined && crop <= size) {
    throw new RootstockError('USAGE', `Invalid value "${crop}" of --crop: expected more than the ${size} pixels that remain`, {
      hint: `Give a larger --crop, such as ${Math.round(size * 1.15)}`,
    })
  }
  const augmentation = [
    crop !== undefined && image.randomCrop({ height: size, width: size }),
    flip !== undefined && image.randomFlip({ mode: flip === 'both' ? 'horizontal_and_vertical' : flip }),
    rotation !== undefined && image.randomRotation({ factor: rotation }),
    zoom !== undefined && image.randomZoom({ heightFactor: zoom }),
    translation !== undefined && image.randomTranslation({ heightFactor: translation, widthFactor: translation }),
    shear !== undefined && image.randomShear({ xFactor: shear, yFactor: shear }),
    contrast !== undefined && image.randomContrast({ factor: contrast }),
    brightness !== undefined && image.randomBrightness({ factor: brightness }),
    randAugment !== undefined && image.randAugment({ factor: randAugment }),
  ].filter((chosen) => chosen !== false)
  return { augmentation, ...(crop === undefined ? {} : { readSize: [crop, crop] as const }) }
}

/** The values without those of `augmentationFlags`, for commands that have other flags too. */
export function withoutAugmentation<T extends object>(values: T): Omit<T, keyof typeof augmentationFlags> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !(key in augmentationFlags))) as Omit<
    T,
    keyof typeof augmentationFlags
  >
}
