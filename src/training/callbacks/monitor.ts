/** @file What the callbacks that watch a metric share: its direction, what counts as better, and what to say when it is missing. */
import { nearestNames, RootstockError } from '../../errors.ts'
import { checksFor } from '../arguments.ts'
import type { TrainingControl } from '../callback.ts'
import type { Logs } from '../events.ts'

/** Which way is better; `auto` takes the metric's own direction. */
export type MonitorMode = 'auto' | 'min' | 'max'

export interface MonitorOptions {
  readonly monitor: string
  readonly mode: MonitorMode
  /** An absolute change of no more than this is no improvement. */
  readonly minDelta: number
}

/** Whether `value` improves on `reference`; everything improves on null. */
export type Improvement = (value: number, reference: number | null) => boolean

/** A watched log key. */
export interface Monitor {
  readonly key: string
  /** The comparison for this run; throws UNKNOWN_NAME when `auto` meets a metric whose direction nobody knows. */
  improvement(control: TrainingControl): Improvement
  /** The watched value, or undefined when the logs do not have it. */
  value(logs: Logs): number | undefined
}

/** The monitor of the callback `owner`; an unknown mode is refused. */
export function makeMonitor(owner: string, options: MonitorOptions): Monitor {
  const { monitor: key, mode, minDelta } = options
  checksFor(owner).oneOf('mode', mode, ['auto', 'min', 'max'])
  checksFor(owner).finite('minDelta', minDelta)
  return {
    key,
    improvement(control) {
      const direction = mode === 'auto' ? directionOf(owner, key, control) : mode
      return direction === 'min' ? smaller(Math.abs(minDelta)) : larger(Math.abs(minDelta))
    },
    value: (logs) => (Object.hasOwn(logs, key) ? logs[key] : undefined),
  }
}

// In Keras figures are float32; it subtracts in double precision and compares as float32: a difference that float32 cannot hold is no improvement.
function smaller(delta: number): Improvement {
  return (value, reference) => reference === null || Math.fround(Math.fround(value) + delta) < Math.fround(reference)
}

function larger(delta: number): Improvement {
  return (value, reference) => reference === null || Math.fround(Math.fround(value) - delta) > Math.fround(reference)
}

function directionOf(owner: string, key: string, control: TrainingControl): 'min' | 'max' {
  const metric = key.replace(/^val_/, '')
  if (metric === 'loss') return 'min'
  const direction = control.metricDirections.get(metric)
  if (direction !== undefined) return direction
  const metrics = [...new Set(['loss', ...control.metricDirections.keys()])]
  const keys = metrics.flatMap((name) => [name, `val_${name}`])
  const near = nearestNames(key, keys)
  const offer = near.length > 0 ? `Did you mean ${near.map((name) => `"${name}"`).join(' or ')}?` : `There are: ${keys.join(', ')}.`
  throw new RootstockError(
    'UNKNOWN_NAME',
    `Cannot monitor "${key}" in ${owner}: the model has no such metric, it has ${metrics.join(', ')}`,
    {
      hint: `${offer} For a figure that another callback writes, pass mode "min" or "max".`,
    },
  )
}
