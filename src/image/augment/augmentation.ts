/** @file What an augmentation is, how several become one, and the description under which their results may be stored. */
import { RootstockError, unknownName } from '../../errors.ts'
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
  return {
    name: 'augment',
    description: list.map(({ description }) => description).join(' '),
    apply: (pixels, rng) => list.reduce((picture, augmentation) => augmentation.apply(picture, rng), pixels),
  }
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
  const given = typeof factor === 'number' ? [-Math.abs(factor), Math.abs(factor)] : [...factor].sort((a, b) => a - b)
  const [lower = NaN, upper = NaN] = typeof factor === 'number' ? given.map((value) => Math.max(value, least)) : given
  const isValid = (value: number): boolean => value >= least && value <= most
  if (given.length === 2 && [lower, upper].every(isValid) && (typeof factor !== 'number' || isValid(factor))) return [lower, upper]
  throw new RootstockError(
    'USAGE',
    `Cannot augment: ${name} is ${JSON.stringify(factor)}, expected a number or two, from ${least} to ${most}`,
  )
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
  throw new RootstockError('USAGE', `Cannot augment: ${name} is ${value}, expected a whole number from ${least}`)
}
