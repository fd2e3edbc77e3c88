/** @file The shares of the three parts. */
import { RootstockError } from '../errors.ts'
import type { Fractions } from './assign.ts'

/** What a user says of the shares, each from 0 to 1. */
export interface Shares {
  /** Default: what the other two leave, 0.7. */
  readonly train?: number
  /** Default 0.15. */
  readonly validation?: number
  /** Default 0.15. */
  readonly test?: number
}

/** The shares, the training's filled in; code USAGE where they are not shares of one whole. */
export function fractionsOf({ train, validation = 0.15, test = 0.15 }: Shares): Fractions {
  const rest = train ?? 1 - validation - test
  const isShare = (value: number): boolean => value >= 0 && value <= 1
  if (![rest, validation, test].every(isShare) || Math.abs(rest + validation + test - 1) > 1e-9 || rest <= 0) {
    throw new RootstockError(
      'USAGE',
      `Cannot split: the shares are train ${round(rest)}, validation ${validation}, test ${test}, expected shares from 0 to 1 with the sum 1`,
      { hint: 'Give validation and test only; train gets the rest' },
    )
  }
  return { train: rest, validation, test }
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
