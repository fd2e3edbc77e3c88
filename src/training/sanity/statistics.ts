/** @file The figures that checks look at, gathered from the events of a run. */
import type { Logs, TrainingEvent } from '../events.ts'
import { meanOf, type Moment, type RunFacts, type RunStatistics } from './check.ts'

/** Batch losses that are remembered. */
const REMEMBERED = 16
/** Batches whose mean loss is the opening. */
const OPENING = 5
/** Steps at which the movement of the weights is measured. */
const MEASURED: readonly number[] = [20, 50]
/** Metrics that are the share of right answers, as Keras names them. */
const ACCURACIES = ['accuracy', 'acc', 'categorical_accuracy', 'sparse_categorical_accuracy', 'binary_accuracy']

/** Figures that grow with a run. */
export interface Gathering {
  learn(facts: RunFacts): void
  watchWeights(moved: () => number): void
  /** Takes an event in; the moment that it makes, if any. */
  take(event: TrainingEvent): Moment | undefined
  seen(): RunStatistics
}

type Growing = { -readonly [K in keyof RunStatistics]: RunStatistics[K] extends readonly (infer T)[] ? T[] : RunStatistics[K] }

export function gatherStatistics(): Gathering {
  const seen: Growing = {
    facts: {},
    steps: 0,
    epochs: 0,
    losses: [],
    first: undefined,
    opening: undefined,
    epochLosses: [],
    validation: [],
    moved: undefined,
  }
  const openings: number[] = []
  let moved: (() => number) | undefined
  /** Sum of the losses of the present epoch's samples, and how many there were. */
  let before = { sum: 0, samples: 0 }
  const takeBatch = ({ samples, logs }: Extract<TrainingEvent, { type: 'batchEnd' }>): void => {
    const sum = (logs['loss'] ?? NaN) * samples
    const loss = (sum - before.sum) / (samples - before.samples)
    before = { sum, samples }
    seen.steps++
    seen.losses.push(loss)
    if (seen.losses.length > REMEMBERED) seen.losses.shift()
    seen.first ??= loss
    if (openings.length < OPENING) {
      openings.push(loss)
      seen.opening = meanOf(openings)
    }
    if (moved && MEASURED.includes(seen.steps)) seen.moved = moved()
  }
  return {
    learn: (facts) => void (seen.facts = { ...seen.facts, ...facts }),
    watchWeights: (measure) => void (moved = measure),
    seen: () => seen,
    take(event) {
      if (event.type === 'epochBegin') before = { sum: 0, samples: 0 }
      if (event.type === 'batchEnd') takeBatch(event)
      if (event.type === 'epochEnd') takeEpoch(seen, event.logs)
      return event.type === 'batchEnd' ? 'batch' : event.type === 'epochEnd' ? 'epoch' : undefined
    },
  }
}

function takeEpoch(seen: Growing, logs: Readonly<Logs>): void {
  seen.epochs++
  const { loss } = logs
  if (loss !== undefined) seen.epochLosses.push(loss)
  const key = ACCURACIES.find((name) => `val_${name}` in logs)
  seen.validation.push({ loss: logs['val_loss'], accuracy: key === undefined ? undefined : logs[`val_${key}`] })
}
