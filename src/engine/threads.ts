/** @file How many threads the engine computes with. */
import { availableParallelism } from 'node:os'
import { RootstockError } from '../errors.ts'

/** The environment variable ROOTSTOCK_THREADS, else as many as the process has cores. Throws USAGE where that is no whole number from 1. */
export function engineThreads(given: string | undefined = process.env['ROOTSTOCK_THREADS']): number {
  if (!given) return availableParallelism()
  const threads = Number(given)
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return threads
  throw new RootstockError('USAGE', `Invalid ROOTSTOCK_THREADS: found ${JSON.stringify(given)}, expected a whole number from 1 to 1024`)
}
