/** @file The exit code of every kind of failure; docs/exit-codes.md says the same. */
import { RootstockError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'

/** The family of each code of a RootstockError. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  USAGE: 2,
  UNKNOWN_NAME: 2,
  SHAPE: 2,
  DATA: 3,
  IMAGE: 3,
  WEIGHTS: 4,
  FORMAT: 4,
  NETWORK: 4,
  FILE: 1,
  ENGINE: 1,
  NAN_LOSS: 1,
  CALLBACK: 1,
  CANCELED: 130,
}

/** What a process that a signal ended exits with: 128 and the signal's number. */
export const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** A signal that ends a run cleanly. */
export type StopSignal = keyof typeof SIGNAL_CODES

/** The exit code of anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  return error instanceof RootstockError ? EXIT_CODES[error.code] : 1
}
