/** @file The settings of a run as run.json keeps them, and back: plain ones as they are, augmentations by their descriptions. */
import { isDeepStrictEqual } from 'node:util'
import { RootstockError } from '../errors.ts'
import * as image from '../image/index.ts'
import { readDescription } from './described.ts'
import type { TrainClassifierOptions } from './options.ts'

/** What makes an augmentation or a mixture, by the name that its description begins with. */
const MAKERS = {
  randomCrop: image.randomCrop,
  randomFlip: image.randomFlip,
  randomRotation: image.randomRotation,
  randomShear: image.randomShear,
  randomTranslation: image.randomTranslation,
  randomZoom: image.randomZoom,
  randAugment: image.randAugment,
  randomBrightness: image.randomBrightness,
  randomContrast: image.randomContrast,
  mixup: image.mixup,
  cutmix: image.cutmix,
} as unknown as Readonly<Record<string, (settings: object) => Described>>

interface Described {
  readonly description: string
}

type Kept = Readonly<Record<string, unknown>>

/** Settings kept by what they say of themselves. */
const DESCRIBED = ['augmentation', 'mix'] as const

/** What run.json keeps: whatever JSON can hold, and descriptions. */
export function keptSettings(options: TrainClassifierOptions): Kept {
  const plain = Object.entries(options).filter(([, value]) => isPlain(value))
  const described = DESCRIBED.flatMap((name) => (options[name] ? [[name, descriptionsOf(options[name])] as const] : []))
  return Object.fromEntries([...plain, ...described])
}

/** A setting as it is compared. */
export function keptAs(name: string, value: unknown): unknown {
  return isDescribed(name) && value ? descriptionsOf(value as Described) : value
}

/** Whether a setting can be kept at all. */
export function isKept(name: string, value: unknown): boolean {
  return isDescribed(name) || isPlain(value)
}

/** The options of kept settings. Code USAGE for an augmentation of the user's own, which settings cannot make again. */
export function optionsOf(kept: Kept): TrainClassifierOptions {
  const made = DESCRIBED.flatMap((name) => {
    const found = kept[name]
    return found === undefined ? [] : [[name, madeAgain(name, found)] as const]
  })
  return { ...kept, ...Object.fromEntries(made) }
}

function madeAgain(name: string, kept: unknown): Described | Described[] {
  const made = [kept].flat().map((description): Described => {
    const found = typeof description === 'string' ? oneMadeAgain(description) : undefined
    if (found && found.description === description) return found
    throw new RootstockError('USAGE', `Cannot make the ${name} of the run again: found ${String(description)}`, {
      hint: `Give ${name} as the run had it`,
    })
  })
  return Array.isArray(kept) ? made : made[0]!
}

function oneMadeAgain(description: string): Described | undefined {
  const { name = '', settings = {} } = readDescription(description) ?? {}
  if (!Object.hasOwn(MAKERS, name)) return undefined
  try {
    return MAKERS[name]!(Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)))
  } catch {
    // Settings that the function does not take are none of its own.
    return undefined
  }
}

function isDescribed(name: string): boolean {
  return DESCRIBED.some((each) => each === name)
}

function descriptionsOf(value: Described | readonly Described[]): string | string[] {
  return Array.isArray(value) ? value.map(({ description }: Described) => description) : (value as Described).description
}

/** Whether JSON gives the very same value back. */
function isPlain(value: unknown): boolean {
  if (value === undefined || typeof value === 'function') return false
  const isData = value === null || typeof value !== 'object' || Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  return isData && isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value)
}
