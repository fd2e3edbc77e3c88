/** @file Checks of the arguments of callbacks, metrics and schedules, made once where the user hands them over; and of counts. */
import { RootstockError } from '../errors.ts'

/** Checks that throw USAGE and name the owner, the argument, what was found and what was expected. */
export interface ArgumentChecks {
  /** The rule in general: `holds`, or the argument is refused. */
  require(holds: boolean, argument: string, found: unknown, expected: string): void
  finite(argument: string, value: number): void
  /** A finite number of at least `least`. */
  atLeast(argument: string, value: number, least: number): void
  /** A whole number of at least `least`. */
  whole(argument: string, value: number, least: number): void
  oneOf(argument: string, value: string, valid: readonly string[]): void
}

/** The checks for the arguments of `owner`, such as `earlyStopping`. */
export function checksFor(owner: string): ArgumentChecks {
  const require: ArgumentChecks['require'] = (holds, argument, found, expected) => {
    if (holds) return
    throw new RootstockError('USAGE', `Cannot make ${owner}: ${argument} is ${show(found)}, expected ${expected}`)
  }
  return {
    require,
    finite: (argument, value) => require(Number.isFinite(value), argument, value, 'a finite number'),
    atLeast: (argument, value, least) =>
      require(Number.isFinite(value) && value >= least, argument, value, `a number of at least ${String(least)}`),
    whole: (argument, value, least) =>
      require(Number.isInteger(value) && value >= least, argument, value, `a whole number of at least ${String(least)}`),
    oneOf: (argument, value, valid) => require(valid.includes(value), argument, value, `one of ${valid.join(', ')}`),
  }
}

/** Throws USAGE unless each of the options that are given is a whole number of at least `least`. */
export function checkCounts(counts: Readonly<Record<string, number | undefined>>, least = 1): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value === undefined || (Number.isInteger(value) && value >= least)) continue
    throw new RootstockError('USAGE', `Invalid ${name}: found ${value}, expected a whole number of at least ${least}`)
  }
}

/** Throws USAGE unless a tensor of the user's, who may write JavaScript, holds float32 numbers. `action` begins the message. */
export function checkFloats({ data, dtype }: { readonly data: unknown; readonly dtype?: unknown }, action: string): void {
  if (data instanceof Float32Array && dtype === 'float32') return
  const name = (data as object | null | undefined)?.constructor.name ?? String(data)
  throw new RootstockError('USAGE', `${action}: found the type ${show(dtype)} (${name}), expected "float32" (Float32Array)`, {
    hint: "Convert them: { ...x, data: Float32Array.from(x.data), dtype: 'float32' }",
  })
}

function show(found: unknown): string {
  return typeof found === 'number' ? String(found) : (JSON.stringify(found) ?? typeof found)
}
