/** @file tensorBoard: writes what TensorBoard shows: figures, weights, the network, and pictures as points in space. */
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf, refuseUnknown } from '../../errors.ts'
import {
  eventWriter,
  graphDef,
  histogramSummary,
  kerasModelSummary,
  scalarSummary,
  type EventWriter,
} from '../../formats/tensorboard/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { checksFor } from '../arguments.ts'
import type { Callback, TrainingControl } from '../callback.ts'
import type { Logs } from '../events.ts'
import { readState, storedCount } from './stored-state.ts'
import { writeEmbedding } from './tensor-board-embedding.ts'
import { weightSummaryMaker } from './tensor-board-weights.ts'

/** What `tensorBoard` takes. */
export interface TensorBoardOptions {
  /** Folder of the run; event files lie in `train` and `validation` in it. Default `logs`. */
  readonly logDir?: string
  /** Epochs from one histogram of every weight to the next; 0 (default): none. */
  readonly histogramFreq?: number
  /** Write the layers and the operators of the network; default true. */
  readonly writeGraph?: boolean
  /** Write the weights as pictures too, together with the histograms; default false. */
  readonly writeImages?: boolean
  /** Write a histogram of every gradient too, that of the last batch before each histogram of the weights; default false. */
  readonly writeGrads?: boolean
  /** Write how many steps a second takes; default false. */
  readonly writeStepsPerSecond?: boolean
  /** Write the figures of every batch, or of every so many, as well as those of the epochs; default `epoch`: not at all. */
  readonly updateFreq?: 'batch' | 'epoch' | number
  /** Epochs from one writing of the points of the Projector tab to the next; 0 (default): none. */
  readonly embeddingsFreq?: number
  /** The photos to show as points, prepared as for `predict`: [n, height, width, channels]. Needed with embeddingsFreq. */
  readonly embeddingsData?: Tensor<'float32'>
  /** The layer whose output places the points; default the one before the last. */
  readonly embeddingsLayerName?: string
  /** A label for each photo, or columns of labels by title. */
  readonly embeddingsMetadata?: readonly string[] | Readonly<Record<string, readonly string[]>>
}

const OPTIONS: Readonly<Record<keyof TensorBoardOptions, true>> = {
  logDir: true,
  histogramFreq: true,
  writeGrads: true,
  writeGraph: true,
  writeImages: true,
  writeStepsPerSecond: true,
  updateFreq: true,
  embeddingsFreq: true,
  embeddingsData: true,
  embeddingsLayerName: true,
  embeddingsMetadata: true,
}

type Settings = ReturnType<typeof readSettings>

/** The files of a run, made when something is to be written into them. */
interface Writers {
  train(): EventWriter
  validation(): EventWriter
  flush(): void
}

const NAME = 'tensorBoard'
const STORED = z.object({ trainBatch: storedCount })

/** Writes event files for TensorBoard; Keras's TensorBoard with its tags and steps. Throws USAGE for impossible arguments, and FILE. */
export function tensorBoard(options: TensorBoardOptions = {}): Callback {
  refuseUnknown('tensorBoard', options, OPTIONS)
  const settings = readSettings(options)
  let writers = openWriters(settings.logDir)
  const pace = stopwatch()
  const summariesOf = weightSummaryMaker(settings.writeImages)
  /** Batches since the run began; the step of the figures of batches. */
  let trainBatch = 0
  const { updateFreq } = settings
  const isDue = (): boolean => updateFreq !== 'epoch' && trainBatch % updateFreq === 0

  return {
    name: NAME,
    followsBatches: updateFreq !== 'epoch',
    wantsGradients: settings.writeGrads && settings.histogramFreq > 0,
    onTrainBegin(control) {
      trainBatch = 0
      writers = openWriters(settings.logDir)
      if (settings.writeGraph) writeGraph(writers, control)
      writers.train()
      writers.flush()
    },
    onEpochBegin: (_epoch, control) => pace.startEpoch(control.iterations),
    onTrainBatchBegin: () => void (trainBatch++, pace.startBatch()),
    onTrainBatchEnd(_batch, logs) {
      if (!isDue()) return
      const speed = settings.writeStepsPerSecond ? { steps_per_second: pace.ofBatch() } : {}
      writers.train().add(
        trainBatch,
        scalars({ ...speed, ...logs }, (name) => `batch_${name}`),
      )
      writers.flush()
    },
    onTestEnd(logs, control) {
      writers.validation().add(
        control.iterations,
        scalars(logs, (name) => `evaluation_${name}_vs_iterations`),
      )
    },
    async onEpochEnd(epoch, logs, control) {
      const speed = settings.writeStepsPerSecond ? { steps_per_second: pace.ofEpoch(control.iterations) } : {}
      writeEpoch(writers, epoch, { ...logs, learning_rate: control.learningRate, ...speed })
      if (isTurn(epoch, settings.histogramFreq)) await writeWeights(writers, epoch, { control, settings, summariesOf })
      writers.flush()
      if (isTurn(epoch, settings.embeddingsFreq)) await writeEmbedding(join(settings.logDir, 'train'), settings.embedding, control)
    },
    onTrainEnd: () => writers.flush(),
    state: () => ({ trainBatch }),
    restore: (state) => void ({ trainBatch } = readState(NAME, STORED, state)),
  }
}

function readSettings(options: TensorBoardOptions) {
  const { logDir = 'logs', histogramFreq = 0, embeddingsFreq = 0, updateFreq = 'epoch' } = options
  const { writeGraph = true, writeImages = false, writeGrads = false, writeStepsPerSecond = false } = options
  const { embeddingsData, embeddingsLayerName, embeddingsMetadata } = options
  const checks = checksFor(NAME)
  checks.require(logDir !== '', 'logDir', logDir, 'the name of a folder')
  checks.whole('histogramFreq', histogramFreq, 0)
  checks.whole('embeddingsFreq', embeddingsFreq, 0)
  const isCount = typeof updateFreq === 'number' && Number.isInteger(updateFreq) && updateFreq > 0
  checks.require(
    typeof updateFreq === 'string' ? ['batch', 'epoch'].includes(updateFreq) : isCount,
    'updateFreq',
    updateFreq,
    '"epoch", "batch" or a whole number of batches above 0',
  )
  checks.require(
    embeddingsFreq === 0 || embeddingsData !== undefined,
    'embeddingsData',
    embeddingsData,
    'the photos to show, since embeddingsFreq is above 0',
  )
  return {
    logDir,
    histogramFreq,
    embeddingsFreq,
    writeGraph,
    writeImages,
    writeGrads,
    writeStepsPerSecond,
    updateFreq: updateFreq === 'batch' ? 1 : updateFreq,
    embedding: { photos: embeddingsData, layer: embeddingsLayerName, labels: embeddingsMetadata },
  }
}

function isTurn(epoch: number, frequency: number): boolean {
  return frequency > 0 && epoch % frequency === 0
}

function openWriters(logDir: string): Writers {
  const made = new Map<string, EventWriter>()
  const writer = (split: string) => (): EventWriter => {
    const known = made.get(split) ?? eventWriter(join(logDir, split))
    made.set(split, known)
    return known
  }
  return {
    train: writer('train'),
    validation: writer('validation'),
    flush: () => made.forEach((each) => each.flush()),
  }
}

/** A network that cannot be drawn must not stop its training. */
function writeGraph(writers: Writers, control: TrainingControl): void {
  try {
    writers.train().add(0, [kerasModelSummary(control.model.toJson())])
    const graph = control.model.graph()
    if (graph) writers.train().addGraph(graphDef(graph))
  } catch (error) {
    control.emit({ type: 'warning', message: `The network cannot be drawn: ${messageOf(error)}`, by: NAME })
  }
}

/** Figures of the validation go into its own file under the names of training's, so that both are drawn as lines of one plot. */
function writeEpoch(writers: Writers, epoch: number, logs: Logs): void {
  const isHeldOut = ([name]: [string, number]): boolean => name.startsWith('val_')
  const held = Object.entries(logs).filter(isHeldOut)
  const training = Object.entries(logs).filter((entry) => !isHeldOut(entry))
  writers.train().add(
    epoch,
    scalars(Object.fromEntries(training), (name) => `epoch_${name}`),
  )
  if (held.length > 0)
    writers.validation().add(
      epoch,
      scalars(Object.fromEntries(held), (name) => `epoch_${name.slice('val_'.length)}`),
    )
}

function scalars(logs: Logs, tagOf: (name: string) => string) {
  return Object.entries(logs).map(([name, value]) => scalarSummary(tagOf(name), value))
}

async function writeWeights(
  writers: Writers,
  epoch: number,
  { control, settings, summariesOf }: { control: TrainingControl; settings: Settings; summariesOf: ReturnType<typeof weightSummaryMaker> },
): Promise<void> {
  for (const weight of control.model.weights) writers.train().add(epoch, await summariesOf(weight))
  if (!settings.writeGrads) return
  for (const { path, values } of control.model.gradients()) writers.train().add(epoch, [histogramSummary(`${path}_grad`, values.data)])
}

/** Steps per second, of the last batch and of the epoch. */
function stopwatch() {
  const begun = { epoch: 0, batch: 0, iterations: 0 }
  const since = (moment: number): number => (performance.now() - moment) / 1000
  return {
    startEpoch: (iterations: number) => void Object.assign(begun, { epoch: performance.now(), iterations }),
    startBatch: () => void (begun.batch = performance.now()),
    ofBatch: () => 1 / since(begun.batch),
    ofEpoch: (iterations: number) => (iterations - begun.iterations) / since(begun.epoch),
  }
}
