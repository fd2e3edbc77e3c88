/** @file Shows a training run on stderr: a bar on a terminal, one line per epoch everywhere. */
import type { TrainingEvent } from '../training/index.ts'
import { createBar, duration, rateOf, type BarState } from './bar.ts'
import { oneLine } from './one-line.ts'
import { counted } from './table.ts'
import type { ProgressOutput } from './terminal.ts'

/** A listener for `onEvent`. */
export interface Progress {
  readonly onEvent: (event: TrainingEvent) => void
  /** Wipes the bar and writes what is still to be said; call it before other output and after failures. */
  finish(): void
}

/** Damaged pictures that are named one by one; more are only counted. */
const NAMED_PICTURES = 20

/** Shows events on `output`; `clock` gives milliseconds. */
export function trainingProgress(output: ProgressOutput, clock: () => number = () => performance.now()): Progress {
  if (output.isQuiet) return { onEvent: () => undefined, finish: () => undefined }
  const bar = createBar(output, clock)
  const state: State = { epochs: 0, epochStart: clock(), features: undefined, unusable: 0 }
  const line = (text: string): void => {
    bar.clear()
    output.write(`${text}\n`)
  }
  const endFeatures = (): void => {
    if (state.features) line(featuresLine(state.features))
    state.features = undefined
  }
  const finish = (): void => {
    bar.clear()
    endFeatures()
    if (state.unusable > NAMED_PICTURES) line(`… and ${state.unusable - NAMED_PICTURES} more pictures that cannot be used`)
    state.unusable = 0
  }
  const onEvent = (event: TrainingEvent): void => {
    if (event.type === 'featuresProgress') {
      if (state.features && state.features.split !== event.split) endFeatures()
      state.features = event
      bar.update({ ...event, label: `Features ${event.split}`, unit: 'photos', counted: event.done - (event.stored ?? 0) })
      return
    }
    if (event.type !== 'unusable') endFeatures()
    if (event.type === 'workProgress') bar.update(event)
    else if (event.type === 'batchEnd') bar.update(batchBar(event, state, clock()))
    else showEvent(event, { state, line, output, now: clock() })
  }
  return { onEvent, finish }
}

type EventOf<T extends TrainingEvent['type']> = Extract<TrainingEvent, { type: T }>

interface State {
  epochs: number
  epochStart: number
  features: EventOf<'featuresProgress'> | undefined
  unusable: number
}

interface Showing {
  readonly state: State
  readonly line: (text: string) => void
  readonly output: ProgressOutput
  readonly now: number
}

type ShownEvent = Exclude<TrainingEvent, { type: 'featuresProgress' | 'workProgress' | 'batchEnd' }>

function showEvent(event: ShownEvent, { state, line, output, now }: Showing): void {
  const { yellow, dim } = output.colors
  switch (event.type) {
    case 'trainBegin':
      state.epochs = event.epochs
      return
    case 'epochBegin':
      state.epochStart = now
      return
    case 'unusable':
      if (++state.unusable <= NAMED_PICTURES) line(`${yellow('not used:')} ${unusableLine(event)}`)
      return
    case 'epochEnd':
      line(epochLine(event, state.epochs))
      return
    case 'learningRate':
      line(dim(`Learning rate ${figure(event.from)} → ${figure(event.to)} (${event.by})`))
      return
    case 'stopped':
      line(`Stopped after epoch ${event.epoch + 1}: ${oneLine(event.reason)}`)
      return
    case 'message':
      line(dim(oneLine(event.message)))
      return
    case 'warning':
      line(`${yellow('warning:')} ${oneLine(event.message)}${event.id === undefined ? '' : dim(` (${event.id})`)}`)
      return
    case 'checkpoint':
    case 'trainEnd':
    case 'validationBegin':
    case 'validationEnd':
  }
}

/** "Epoch 3/10  loss 0.3112  accuracy 0.8800  val_loss 0.4021  0.4 s". */
function epochLine({ epoch, logs, seconds }: EventOf<'epochEnd'>, epochs: number): string {
  return [`Epoch ${epoch + 1}/${epochs}`, ...figures(logs), duration(seconds)].join('  ')
}

function batchBar({ epoch, batch, steps, samples, logs }: EventOf<'batchEnd'>, { epochs, epochStart }: State, now: number): BarState {
  return {
    label: `Epoch ${epoch + 1}/${epochs}`,
    done: batch + 1,
    total: steps ?? batch + 1,
    seconds: (now - epochStart) / 1000,
    unit: 'photos',
    counted: samples,
    extra: figures(logs).join('  '),
  }
}

function featuresLine({ split, done, stored = 0, seconds }: EventOf<'featuresProgress'>): string {
  const photos = [`Features ${split}`, counted(done, 'photo')]
  if (stored === done) return [...photos, 'all computed before'].join('  ')
  const rate = rateOf({ done: done - stored, seconds, unit: 'photos' })
  return [...photos, stored > 0 ? `${stored} computed before` : '', rate, duration(seconds)].filter((part) => part !== '').join('  ')
}

/** The learning rate is shown only where it changes. */
function figures(logs: Readonly<Record<string, number>>): string[] {
  return Object.entries(logs).flatMap(([name, value]) => (name === 'learning_rate' ? [] : [`${name} ${figure(value)}`]))
}

/** Four places, or an exponent for what is much smaller or larger. */
function figure(value: number): string {
  const size = Math.abs(value)
  return size !== 0 && (size < 0.001 || size >= 100_000) ? value.toExponential(2) : value.toFixed(4)
}

function unusableLine({ path, reason }: EventOf<'unusable'>): string {
  return oneLine(`${path}: ${reason}`)
}
