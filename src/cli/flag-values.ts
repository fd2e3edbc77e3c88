/** @file Reads the values of flags: numbers in a range, names from a list, words. */
import { RootstockError, nearestNames } from '../errors.ts'
import type { Bounds, Flag } from './command.ts'

/** A switch without a value. */
export function toggle(description: string): Flag<true> {
  return { description, form: { kind: 'switch' }, parse: () => true }
}

/** Any text but the empty one; shells and editors offer the suggestions. */
export function word(value: string, description: string, suggestions: readonly string[] = []): Flag<string> {
  return {
    value,
    description,
    form: { kind: 'text', suggestions },
    parse: (text, name) => (text === '' ? refuse(name, text, 'a value') : text),
  }
}

/** Texts between commas. */
export function words(value: string, description: string): Flag<readonly string[]> {
  const parse = (text: string, name: string): readonly string[] => {
    const list = text.split(',').map((part) => part.trim())
    return list.includes('') ? refuse(name, text, 'names with commas between them, as in cat,dog') : list
  }
  return { value, description, form: { kind: 'texts' }, parse }
}

/** A flag that may stand several times. */
export function repeated<T>({ parse, ...flag }: Flag<T>): Flag<readonly T[]> {
  return { ...flag, form: { kind: 'texts' }, isRepeatable: true, parse: (text, name) => text.split('\n').map((line) => parse(line, name)) }
}

/** "NAME=FILE". */
export function pair(value: string, description: string): Flag<readonly [name: string, text: string]> {
  const parse = (text: string, name: string): readonly [string, string] => {
    const at = text.indexOf('=')
    return at > 0 && at < text.length - 1
      ? [text.slice(0, at), text.slice(at + 1)]
      : refuse(name, text, `${value} with both sides of the =`)
  }
  return { value, description, form: { kind: 'text', suggestions: [] }, parse }
}

/** A whole number from `least` on. */
export function count(value: string, description: string, least = 1): Flag<number> {
  const parse = (text: string, name: string): number => {
    const number = Number(text)
    const isCount = /^\+?\d+$/.test(text) && Number.isSafeInteger(number) && number >= least
    return isCount ? number : refuse(name, text, `a whole number from ${least}`)
  }
  return { value, description, form: { kind: 'integer', bounds: { minimum: least } }, parse }
}

/** A number within bounds; `expected` names them. */
export interface Range {
  readonly bounds: Bounds
  readonly expected: string
}

/** A number within `range`. */
export function quantity(value: string, description: string, range: Range): Flag<number> {
  const parse = (text: string, name: string): number => {
    const number = text.trim() === '' ? NaN : Number(text)
    return Number.isFinite(number) && isWithin(number, range.bounds) ? number : refuse(name, text, range.expected)
  }
  return { value, description, form: { kind: 'number', bounds: range.bounds }, parse }
}

/** A number, or one word that stands for another choice: `head` is 1024 or none. */
export function countOr<T>(flag: Flag<number>, wordFor: string, meaning: T): Flag<number | T> {
  const parse = (text: string, name: string): number | T => {
    if (text === wordFor) return meaning
    try {
      return flag.parse(text, name)
    } catch (error) {
      if (error instanceof RootstockError)
        throw new RootstockError(error.code, `${error.message} or "${wordFor}"`, { hint: `Give such a value, or leave ${name} out` })
      throw error
    }
  }
  return { ...flag, form: flag.form.kind === 'integer' ? { ...flag.form, or: wordFor } : flag.form, parse }
}

/** One of a list of names; the nearest are offered for another. */
export function choice<T extends string>(value: string, description: string, names: readonly T[]): Flag<T> {
  const parse = (text: string, name: string): T => {
    const found = names.find((candidate) => candidate === text)
    if (found !== undefined) return found
    const near = nearestNames(text, names)
    const hint = near.length > 0 ? `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?` : `Valid: ${names.join(', ')}`
    throw new RootstockError('UNKNOWN_NAME', `Unknown value "${text}" of ${name}: expected one of ${names.length} names`, { hint })
  }
  return { value, description, form: { kind: 'names', names }, parse }
}

/** A share of a whole, 0 included. */
export const share: Range = { bounds: { minimum: 0, exclusiveMaximum: 1 }, expected: 'a number from 0 to less than 1' }

/** Some of a whole, or all of it. */
export const part: Range = { bounds: { exclusiveMinimum: 0, maximum: 1 }, expected: 'a number above 0, up to 1' }

/** More than nothing. */
export const positive: Range = { bounds: { exclusiveMinimum: 0 }, expected: 'a number above 0' }

function isWithin(number: number, { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Bounds): boolean {
  const isAbove = number >= (minimum ?? -Infinity) && number > (exclusiveMinimum ?? -Infinity)
  return isAbove && number <= (maximum ?? Infinity) && number < (exclusiveMaximum ?? Infinity)
}

function refuse(name: string, text: string, expected: string): never {
  throw new RootstockError('USAGE', `Invalid value "${text}" of ${name}: expected ${expected}`, {
    hint: `Give such a value, or leave ${name} out`,
  })
}
