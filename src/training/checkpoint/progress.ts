/** @file How far a run has come: what the loop counts, and a checkpoint holds. */
import type { Logs } from '../events.ts'

/** A place between two batches. */
export interface Progress {
  /** From 0. */
  readonly epoch: number
  /** Batches of the epoch that are done. */
  batch: number
  /** Samples in them. */
  samples: number
  /** Sum of their losses. */
  loss: number
  /** The figures so far; at an epoch's beginning those of the one before. */
  logs: Logs
  /** Where a stream stood when the epoch began. */
  readonly stream: number
}

/** The beginning of an epoch. */
export function beginning(epoch: number, logs: Logs = {}, stream = 0): Progress {
  return { epoch, batch: 0, samples: 0, loss: 0, logs, stream }
}
