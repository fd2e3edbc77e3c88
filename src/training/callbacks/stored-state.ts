/** @file The state of callbacks as JSON, which has no NaN and no infinities, and the check of what comes back from a file. */
import { z } from 'zod'
import { RootstockError } from '../../errors.ts'

// Named, because the inferred type has a key that declaration files cannot hold.
const figure: z.ZodType<number> = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)])

/** A number that may be NaN or infinite. */
export const storedFigure = figure
/** The best value so far; null before the first. */
export const storedBest = figure.nullable()
/** A counter. */
export const storedCount = z.int().nonnegative()

/** The JSON form of a figure. */
export function storeFigure(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** The JSON form of a best value. */
export function storeBest(value: number | null): number | string | null {
  return value === null ? null : storeFigure(value)
}

/** `state` if it has the expected form; FORMAT otherwise. */
export function readState<T>(owner: string, schema: z.ZodType<T>, state: unknown): T {
  const result = schema.safeParse(state)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'the whole' : issue.path.join('.')
  throw new RootstockError('FORMAT', `Cannot restore the state of ${owner}: ${where}: ${issue?.message ?? 'unknown form'}`, {
    hint: 'Start the run anew, or resume from another checkpoint.',
  })
}
