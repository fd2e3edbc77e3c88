/** @file How many steps run in one call of the engine: several where steps are short and nobody looks in between. */
import { engine } from '../engine/index.ts'
import type { Callback } from './callback.ts'
import type { FitOptions } from './fit-options.ts'
import type { Batch, Source } from './source.ts'
import { compileSteps, type Step } from './step.ts'
import { recordStep, type StepGraph, type StepPlan } from './step-graph.ts'

/** Between two calls the engine copies all weights and their state once; from here on that hardly counts. */
const LONGEST = 32

/** The nodes of one program, of which the engine prepares some ten thousand in a second. */
const NODES = 2000

/** The features of one program's batches, in bytes. */
const BYTES = 2 ** 26

/** The programs of a run's steps, and how batches are shared out to them. */
export interface StepPrograms {
  /** The batches of one epoch, those together that run in one call. `from` is the first one's number, `iterations` counts the steps before it. */
  group(batches: AsyncIterable<Batch>, at: { readonly from: number; readonly iterations: number }): AsyncGenerator<readonly Batch[]>
  /** The program for so many batches of one size. */
  stepFor(size: number, times: number): Promise<Step>
  dispose(): Promise<void>
}

export interface StepProgramsRequest {
  /** The step for batches of that size. */
  readonly planFor: (size: number) => StepPlan
  readonly batchSize: number
  readonly source: Source
  readonly options: FitOptions
  readonly callbacks: readonly Callback[]
  /** Somebody looks at weights or gradients after every step. */
  readonly isWatched: boolean
}

/** Makes programs when they are first asked for. */
export function stepPrograms(request: StepProgramsRequest): StepPrograms {
  const graphs = new Map<number, Promise<StepGraph>>()
  const programs = new Map<string, Promise<Step>>()
  const graphFor = (size: number): Promise<StepGraph> =>
    known(graphs, size, async () => recordStep(request.planFor(size), await engine().blockSize()))
  let length: Promise<number> | undefined
  return {
    async *group(batches, at) {
      length ??= windowLength(request, graphFor)
      yield* inWindows(batches, { ...at, length: await length, request })
    },
    stepFor: (size, times) =>
      known(programs, `${size}/${times}`, async () => compileSteps(request.planFor(size), await graphFor(size), times)),
    async dispose() {
      // A step that could not be compiled has nothing to free, and its error is thrown where it was asked for.
      for (const made of await Promise.allSettled(programs.values())) if (made.status === 'fulfilled') await made.value.dispose()
    },
  }
}

function known<K, V>(made: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const found = made.get(key) ?? make()
  made.set(key, found)
  return found
}

/** Whole batches of one epoch. */
function fullBatches({ source, options, batchSize }: StepProgramsRequest): number {
  return Math.min(Math.floor((source.samples ?? 0) / batchSize), options.stepsPerEpoch ?? Infinity)
}

async function windowLength(request: StepProgramsRequest, graphFor: (size: number) => Promise<StepGraph>): Promise<number> {
  const { source, callbacks, batchSize, isWatched } = request
  const full = fullBatches(request)
  if (isWatched || !source.isAtHand || full < 2 || callbacks.some(followsBatches)) return 1
  const { graph, features } = await graphFor(batchSize)
  const bytes = features.reduce((sum, { shape }) => sum + 4 * shape.reduce<number>((product, size) => product * (size ?? 1), 1), 0)
  const longest = Math.min(LONGEST, full, Math.floor(NODES / graph.nodes.length), Math.floor(BYTES / bytes))
  // Windows of one length, so that few batches are left over.
  return longest < 2 ? 1 : Math.floor(full / Math.ceil(full / longest))
}

function followsBatches(callback: Callback): boolean {
  return callback.followsBatches ?? (['onTrainBatchBegin', 'onTrainBatchEnd'] as const).some((hook) => callback[hook] !== undefined)
}

interface Grouping {
  readonly from: number
  readonly iterations: number
  readonly length: number
  readonly request: StepProgramsRequest
}

/** Windows lie at the same batches in every epoch, wherever it was taken up, and end where a checkpoint is wanted. */
async function* inWindows(
  batches: AsyncIterable<Batch>,
  { from, iterations, length, request }: Grouping,
): AsyncGenerator<readonly Batch[]> {
  const full = fullBatches(request)
  const every = request.options.checkpoint?.everyBatches ?? Infinity
  const lengthAt = (batch: number): number => {
    const done = iterations + batch - from
    const isWhole = batch % length === 0 && batch + length <= full
    const isCut = Math.floor(done / every) !== Math.floor((done + length - 1) / every)
    return isWhole && !isCut ? length : 1
  }
  let held: Batch[] = []
  let at = from
  for await (const batch of batches) {
    held.push(batch)
    if (held.length < lengthAt(at)) continue
    yield held
    at += held.length
    held = []
  }
  for (const batch of held) yield [batch]
}
