/** @file Augmentations as settings: those that the command line's flags can say, under the names of the flags, all others in words. */
import { cutmix, mixup, type Augmentation, type BatchAugmentation } from '../../image/index.ts'

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
  randomContrast: ['contrast', ({ factor }) => (Array.isArray(factor) ? same(Number(factor[0]), Number(factor[1])) : undefined)],
  randomBrightness: ['brightness', ({ factor }) => even(factor)],
  randAugment: [
    'randAugment',
    ({ factor, numOps, interpolation }) => (numOps === 2 && interpolation === 'bilinear' ? upTo(factor) : undefined),
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
    const value = name === 'randomCrop' && readSize?.[0] === readSize?.[1] ? readSize?.[0] : valueOf?.(settingsIn(name, description))
    const place = ORDER.indexOf(name)
    if (flag === undefined || value === undefined || place <= last) return { augmentation: list.map((each) => each.description).join(' ') }
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

/** What `describeSettings` wrote behind the name. */
function settingsIn(name: string, description: string): Settings {
  return JSON.parse(description.slice(name.length)) as Settings
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
