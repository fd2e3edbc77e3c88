/** @file history: keeps the figures of every epoch under Keras's keys. */
import { z } from 'zod'
import type { Callback } from '../callback.ts'
import { readState, storedCount, storedFigure, storeFigure } from './stored-state.ts'

/** What `fit` returns. */
export interface History extends Callback {
  /** One list per log key; a key that appears later has a shorter list, as in Keras. */
  readonly history: Record<string, number[]>
  /** The epochs of the last run, from 0. */
  readonly epoch: number[]
}

const NAME = 'history'
const STORED = z.object({ history: z.record(z.string(), z.array(storedFigure)), epoch: z.array(storedCount) })

/** Records `logs` at the end of every epoch; `fit` adds one after the callbacks that it is given. */
export function history(): History {
  const recorded: Record<string, number[]> = {}
  const epochs: number[] = []
  return {
    name: NAME,
    history: recorded,
    epoch: epochs,
    onTrainBegin() {
      epochs.length = 0
    },
    onEpochEnd(epoch, logs) {
      epochs.push(epoch)
      for (const [key, value] of Object.entries(logs)) (recorded[key] ??= []).push(value)
    },
    state: () => ({
      history: Object.fromEntries(Object.entries(recorded).map(([key, values]) => [key, values.map(storeFigure)])),
      epoch: [...epochs],
    }),
    restore(state) {
      const stored = readState(NAME, STORED, state)
      for (const key of Object.keys(recorded)) delete recorded[key]
      Object.assign(recorded, stored.history)
      epochs.splice(0, epochs.length, ...stored.epoch)
    },
  }
}
