/** @file log.txt: what happened in a run, a line for each event, with its time. */
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { appendWhole } from '../../files/index.ts'
import { visible } from '../../report/index.ts'
import type { Logs, TrainingEvent } from '../../training/index.ts'

/** Its name in a run's folder. */
export const logFile = 'log.txt'

/** Unusable pictures that are told one by one; run.json and report.html have them all. */
const namedPictures = 1000

/** A listener for the events of a run. */
export interface RunLog {
  readonly see: (event: TrainingEvent) => void
  /** Seconds of the epochs seen, by number from 0. */
  readonly seconds: ReadonlyMap<number, number>
  /** Messages and warnings, in order, each once. */
  readonly notes: readonly string[]
}

/** Appends to `run`/log.txt. A log that cannot be written costs one call of `onFailure`, not the run. */
export function openRunLog(run: string, onFailure: (reason: string) => void, clock: () => Date = () => new Date()): RunLog {
  const seconds = new Map<number, number>()
  const notes = new Set<string>()
  const state: State = { epochs: 0, unusable: 0, features: '' }
  let works = true
  const see = (event: TrainingEvent): void => {
    if (event.type === 'epochEnd') seconds.set(event.epoch, event.seconds)
    if (event.type === 'warning' || event.type === 'message') notes.add(event.message)
    const line = works ? lineOf(event, state) : undefined
    if (line === undefined) return
    try {
      appendWhole(join(run, logFile), `${clock().toISOString()}  ${visible(line)}\n`)
    } catch (error) {
      works = false
      onFailure(messageOf(error))
    }
  }
  return {
    see,
    seconds,
    get notes() {
      return [...notes]
    },
  }
}

interface State {
  epochs: number
  unusable: number
  /** The pass told last: its end may be told more than once. */
  features: string
}

/** Batches and the progress of features would be thousands of lines. */
function lineOf(event: TrainingEvent, state: State): string | undefined {
  switch (event.type) {
    case 'trainBegin':
      state.epochs = event.epochs
      state.features = ''
      return `training begins: epochs ${event.initialEpoch + 1} to ${event.epochs}${event.samples === null ? '' : `, ${event.samples} photos`}`
    case 'featuresProgress':
      return event.done < event.total ? undefined : featuresLine(event, state)
    case 'unusable':
      return unusableLine(event, state)
    case 'epochEnd':
      return `epoch ${event.epoch + 1}/${state.epochs}  ${figures(event.logs)}  ${event.seconds.toFixed(2)} s`
    case 'learningRate':
      return `learning rate ${event.from} → ${event.to} (${event.by})`
    case 'checkpoint':
      return `written: ${event.path} (${event.reason})`
    case 'stopped':
      return `stopped by ${event.by} in epoch ${event.epoch + 1}: ${event.reason}`
    case 'message':
      return `${event.by}: ${event.message}`
    case 'warning':
      return `warning from ${event.by}${event.id === undefined ? '' : ` (${event.id})`}: ${event.message}`
    case 'trainEnd':
      return `training ends after epoch ${event.epochs}: ${event.reason}`
    case 'workProgress':
    case 'epochBegin':
    case 'batchEnd':
    case 'validationBegin':
    case 'validationEnd':
      return undefined
  }
}

function featuresLine(event: Extract<TrainingEvent, { type: 'featuresProgress' }>, state: State): string | undefined {
  const { split, total, seconds, stored } = event
  const line = `features of ${split}: ${total} photos${stored ? `, ${stored} from the store` : ''}, ${seconds.toFixed(2)} s`
  if (state.features === `${split} ${total}`) return undefined
  state.features = `${split} ${total}`
  return line
}

function unusableLine({ split, path, reason }: Extract<TrainingEvent, { type: 'unusable' }>, state: State): string | undefined {
  state.unusable++
  if (state.unusable > namedPictures + 1) return undefined
  return state.unusable > namedPictures ? 'further pictures cannot be used: see run.json' : `not used (${split}): ${path}: ${reason}`
}

function figures(logs: Readonly<Logs>): string {
  return Object.entries(logs)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(6))}`)
    .join('  ')
}
