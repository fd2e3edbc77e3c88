/** @file Augmentations as settings: those that the command line's flags can say, under the names of the flags, all others in words. */
import { cutmix, mixup, type Augmentation, type BatchAugmentation } from '../../image/index.ts'
import { readDescription } from '../described.ts'

type Settings = Readonly<Record<string, unknown>>

/** From Keras's arguments back to the value of one flag; undefined where the flag cannot say it. */
const FLAGS: Readonly<Record<string, readonly [flag: string, value: (settings: Settings) => string | number | undefined]>> = {
  randomCrop: ['crop', () => undefined],
  randomFlip: ['flip', ({ mode }) => (mode === 'horizontal_and_vertical' ? 'both' : String(mode))],
  randomRotation: ['rotation', (settings) => usualFill(settings, even(settings['factor']))],
  randomZoom: ['zoom', (settings) => (settings['widthFactor'] === null ? usualFill(settings, even(settings['heightFactor'])) : undefined)],
  randomTranslation: [
    'translation',
    (settings) => usualFill(settings, same(even(settings['heightFactor']), even(settings['widthFactor']))),
  ],
  randomShear: ['shear', (settings) => usualFill(settings, same(even(settings['xFactor']), even(settings['yFactor'])))],
  randomContrast: [
    'contrast',
    (settings) => {
      const { factor } = settings
      return usualRange(settings, Array.isArray(factor) ? same(Number(factor[0]), Number(factor[1])) : undefined)
    },
  ],
  randomBrightness: ['brightness', (settings) => usualRange(settings, even(settings['factor']))],
  randAugment: [
    'randAugment',
    (settings) =>
      settings['numOps'] === 2 && settings['interpolation'] === 'bilinear' ? usualRange(settings, upTo(settings['factor'])) : undefined,
  ],
}

/** In the order of the flags, which is the order in which they are applied. */
const ORDER = Object.keys(FLAGS)

/** Settings by flag, in camelCase; `augmentation` with a description where flags cannot say all of it, in that order. */
export function augmentationSettings(list: readonly Augmentation[], readSize?: readonly [number, number]): Record<string, string | number> {
  const found: Record<string, string | number> = {}
  let last = -1
  for (const { name, description } of list) {
    const [flag, valueOf] = FLAGS[name] ?? []
    const known = readDescription(description)
    const isKnown = known?.name === name
    const value = name === 'randomCrop' && readSize?.[0] === readSize?.[1] ? readSize?.[0] : isKnown && valueOf?.(known.settings)
    const place = ORDER.indexOf(name)
    // No flag takes 0.
    if (flag === undefined || !isKnown || !value || place <= last) return { augmentation: list.map((each) => each.description).join(' ') }
    found[flag] = value
    last = place
  }
  return found
}

/** A mixture by its name, which stands for its usual settings; others in words. */
export function mixSettings({ name, description }: BatchAugmentation): Record<string, string> {
  const isUsual = [mixup(), cutmix()].some((usual) => usual.description === description)
  return { mix: isUsual ? name : description }
}

/** One number for both sides of 0. */
function even(factor: unknown): number | undefined {
  if (!Array.isArray(factor)) return undefined
  const [lower, upper] = factor.map(Number)
  return lower !== undefined && upper !== undefined && lower === -upper ? upper : undefined
}

function upTo(factor: unknown): number | undefined {
  return Array.isArray(factor) && Number(factor[0]) === 0 ? Number(factor[1]) : undefined
}

function same(a: number | undefined, b: number | undefined): number | undefined {
  return a === b ? a : undefined
}

function usualFill({ fillMode, fillValue, interpolation }: Settings, value: number | undefined): number | undefined {
  return fillMode === 'reflect' && fillValue === 0 && interpolation === 'bilinear' ? value : undefined
}

function usualRange({ valueRange }: Settings, value: number | undefined): number | undefined {
  return Array.isArray(valueRange) && valueRange[0] === 0 && valueRange[1] === 255 ? value : undefined
}
