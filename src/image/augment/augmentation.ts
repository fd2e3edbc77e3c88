/** @file What an augmentation is, how several become one, and the description under which their results may be stored. */
import { RootstockError, shownValue, unknownName } from '../../errors.ts'
import type { Random, Tensor } from '../../tensor/index.ts'

/** A random change of one picture, for training only. */
export interface Augmentation {
  /** Of the function that made it. */
  readonly name: string
  /** Name and settings in one line; equal descriptions and equal random streams give equal pictures. */
  readonly description: string
  /** A changed copy of a picture [height, width, 3] with values 0 to 255; draws from `rng` alone. */
  apply(pixels: Tensor<'float32'>, rng: Random): Tensor<'float32'>
}

/** One number for both sides of 0, or the two bounds. */
export type Factor = number | readonly [number, number]

/**
 * Several augmentations, applied in order, as one.
 * @example augment([randomFlip({ mode: 'horizontal' }), randomRotation({ factor: 0.05 })])
 */
export function augment(list: readonly Augmentation[]): Augmentation {
  const isList: boolean = Array.isArray(list)
  if (!isList) throw noAugmentation(list, 'a list of augmentations')
  list.forEach(checkAugmentation)
  return {
    name: 'augment',
    description: list.map(({ description }) => description).join(' '),
    apply: (pixels, rng) => list.reduce((picture, augmentation) => augmentation.apply(picture, rng), pixels),
  }
}

/** Code USAGE for anything but an augmentation of one picture. */
export function checkAugmentation(found: Augmentation): void {
  const { apply, description } = (found ?? {}) as Partial<Augmentation>
  if (typeof apply !== 'function' || typeof description !== 'string') throw noAugmentation(found, 'an augmentation')
}

function noAugmentation(found: unknown, expected: string): RootstockError {
  return new RootstockError('USAGE', `Cannot augment: found ${shownValue(found)}, expected ${expected}`, {
    hint: "As in augment([randomFlip({ mode: 'horizontal' }), randomRotation({ factor: 0.05 })])",
  })
}

/** An augmentation whose description lists `settings` (defaults filled in), sorted by name. */
export function augmentation(name: string, settings: object, apply: Augmentation['apply']): Augmentation {
  return { name, description: describeSettings(name, settings), apply }
}

/** `name{"a":1,"b":[2,3]}` with the settings sorted by name. */
export function describeSettings(name: string, settings: object): string {
  return name + JSON.stringify(Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** The two bounds of a factor; one number means −number to number, cut at `least`. Code USAGE outside `least` … `most`. */
export function bounds(name: string, factor: Factor, [least, most]: readonly [number, number]): readonly [number, number] {
  const list = Array.isArray(factor) ? (factor as readonly number[]) : []
  const given = typeof factor === 'number' ? [-Math.abs(factor), Math.abs(factor)] : [...list].sort((a, b) => a - b)
  const [lower = NaN, upper = NaN] = typeof factor === 'number' ? given.map((value) => Math.max(value, least)) : given
  const isValid = (value: unknown): boolean => typeof value === 'number' && value >= least && value <= most
  if (given.length === 2 && [lower, upper].every(isValid) && (typeof factor !== 'number' || isValid(factor))) return [lower, upper]
  const shown = Array.isArray(factor) ? `[${factor.join(',')}]` : shownValue(factor)
  throw new RootstockError('USAGE', `Cannot augment: ${name} is ${shown}, expected a number or two, from ${least} to ${most}`)
}

/** A draw between two bounds. */
export function between(rng: Random, [lower, upper]: readonly [number, number]): number {
  return lower + (upper - lower) * rng.uniform()
}

/** Code UNKNOWN_NAME where `found` is not among `valid`. */
export function checkChoice(kind: string, found: string, valid: readonly string[]): void {
  if (!valid.includes(found)) throw unknownName(kind, String(found), valid)
}

/** Code USAGE where `value` is not a whole number from `least`. */
export function checkCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return
  throw new RootstockError('USAGE', `Cannot augment: ${name} is ${shownValue(value)}, expected a whole number from ${least}`)
}
