/** @file The one error class of the package, and the helper that offers the nearest valid names. */

/**
 * Stable codes. Each belongs to one family, and the family decides the exit code of the command line:
 * USAGE, UNKNOWN_NAME and SHAPE 2, DATA and IMAGE 3, WEIGHTS, FORMAT and NETWORK 4, CANCELED 130, everything else 1.
 */
export type ErrorCode =
  | 'USAGE'
  | 'UNKNOWN_NAME'
  | 'SHAPE'
  | 'DATA'
  | 'IMAGE'
  | 'WEIGHTS'
  | 'FORMAT'
  | 'NETWORK'
  | 'FILE'
  | 'ENGINE'
  | 'NAN_LOSS'
  | 'CALLBACK'
  | 'CANCELED'

/** What an error may say beside its message. */
export interface ErrorDetails {
  /** What the reader can do about it: one sentence, shown on its own line. */
  readonly hint?: string
  /** The error that led to this one. */
  readonly cause?: unknown
}

/** Every error that Rootstock throws on purpose. `message` says what was found and what was expected, `hint` what to do. */
export class RootstockError extends Error {
  /** Stable across releases; safe to branch on. */
  readonly code: ErrorCode
  /** The remedy, when there is one. */
  readonly hint: string | undefined

  /** An error of that code; `message` says what was found and what was expected. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'RootstockError'
    this.code = code
    this.hint = details.hint
  }
}

/** An UNKNOWN_NAME error that lists the nearest of the valid names. */
export function unknownName(kind: string, found: string, valid: readonly string[]): RootstockError {
  const near = nearestNames(found, valid)
  const more = valid.length > 20 ? ` and ${valid.length - 20} more` : ''
  const list =
    near.length > 0 ? `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?` : `Valid: ${valid.slice(0, 20).join(', ')}${more}`
  return new RootstockError('UNKNOWN_NAME', `Unknown ${kind} "${found}"`, { hint: list })
}

/**
 * Refuses options that `owner` does not have: a typing error would otherwise leave a default in force. Throws UNKNOWN_NAME, and USAGE where the
 * options are no object.
 */
export function refuseUnknown<O extends object>(owner: string, options: O, names: Readonly<Record<keyof NoInfer<O>, true>>): void {
  if (typeof options !== 'object' || (options as unknown) === null || Array.isArray(options)) {
    throw new RootstockError('USAGE', `Cannot read the options of ${owner}: found ${shownValue(options)}, expected an object`, {
      hint: `Give them by their names: { ${Object.keys(names)[0] ?? 'name'}: … }`,
    })
  }
  const strange = Object.keys(options).find((name) => !Object.hasOwn(names, name))
  if (strange !== undefined) throw unknownName(`option of ${owner}`, strange, Object.keys(names))
}

/** A value in a message: numbers and texts as they are, everything else by its kind. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Promise) return 'a promise'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Throws USAGE for what is no tensor: users may write JavaScript, and forget an `await`. `action` begins the message. */
export function requireTensor(value: unknown, action: string): void {
  const { data, shape } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly data?: unknown
    readonly shape?: unknown
  }
  if (Array.isArray(shape) && data !== undefined && data !== null) return
  throw new RootstockError('USAGE', `${action}: found ${shownValue(value)}, expected a tensor { data, shape, dtype }`, {
    hint: value instanceof Promise ? 'Write await before what gives it' : 'Make one of numbers: tensor(numbers, shape)',
  })
}

/** At most three names whose edit distance to `found` is small against their length, nearest first. */
export function nearestNames(found: string, valid: readonly string[]): string[] {
  const wanted = found.toLowerCase()
  const scored = valid.map((name) => {
    const candidate = name.toLowerCase()
    const contained = wanted.length >= 3 && (candidate.includes(wanted) || wanted.includes(candidate))
    return { name, distance: contained ? Math.min(1, editDistance(wanted, candidate)) : editDistance(wanted, candidate) }
  })
  return scored
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(found.length, name.length) / 3)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name)
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours cost one each. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1)
      row.push(best)
    }
  }
  return at(a.length, b.length)
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
