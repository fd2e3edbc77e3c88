/** @file How many steps run in one call of the engine: several where steps are short and nobody looks in between. */
import { engine } from '../engine/index.ts'
import { endsQuietly, type Callback } from './callback.ts'
import type { Compiled } from './compile.ts'
import type { FitOptions } from './fit-options.ts'
import type { Batch, Source } from './source.ts'
import { bytesOf, compileSteps, type Step } from './step.ts'
import { recordStep, type StepGraph, type StepPlan } from './step-graph.ts'

const LONGEST = 32

/** What a program takes to be prepared, in milliseconds by node. */
const NODE = 0.2

/** What a call takes besides computing, in milliseconds: weights and state that cannot be written in place are copied, and threads are woken. */
const CALL = 0.15
const CALL_PER_MIB = 0.3

/** Larger programs than this many nodes are not prepared in any reasonable time. */
const NODES = 4000

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
  readonly compiled: Pick<Compiled, 'stepsPerExecution'>
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
      known(programs, `${size}/${times}`, async () => {
        const plan = { ...request.planFor(size), isRare: size < request.batchSize }
        return compileSteps(plan, await graphFor(size), times)
      }),
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
function fullBatches({ source: { samples }, options: { stepsPerEpoch }, batchSize }: StepProgramsRequest): number {
  return samples === null ? (stepsPerEpoch ?? 0) : Math.min(Math.floor(samples / batchSize), stepsPerEpoch ?? Infinity)
}

async function windowLength(request: StepProgramsRequest, graphFor: (size: number) => Promise<StepGraph>): Promise<number> {
  const { source, callbacks, batchSize, isWatched, options } = request
  const { stepsPerExecution } = request.compiled
  const full = fullBatches(request)
  if (isWatched || callbacks.some(endsQuietly)) return 1
  if (stepsPerExecution !== 'auto') return Math.max(1, Math.min(stepsPerExecution, full))
  if (!source.isAtHand || full < 2 || callbacks.some(followsBatches)) return 1
  const { graph, features, trained, updates } = await graphFor(batchSize)
  // Their loops run between the calls.
  if (updates.length > 0) return 1
  const nodes = graph.nodes.length
  const longest = Math.min(LONGEST, full, Math.floor(NODES / nodes), Math.floor(BYTES / bytesOf(features)))
  const call = CALL + (CALL_PER_MIB * bytesOf(trained.map(({ old }) => old))) / 2 ** 20
  const calls = (length: number): number => (options.epochs ?? 1) * (Math.floor(full / length) + (full % length))
  const cost = (length: number): number => (length === 1 ? 0 : NODE * nodes * length) + call * calls(length)
  let best = 1
  for (let length = 2; length <= longest; length++) if (cost(length) < cost(best)) best = length
  return best
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
    yield* ofOneSize(held)
    at += held.length
    held = []
  }
  yield* ofOneSize(held, length)
}

/** Together if they have one size and are as many as they should be; a stream's batches may have any size, and end at any time. */
function ofOneSize(batches: readonly Batch[], wanted = batches.length): readonly (readonly Batch[])[] {
  const sizes = new Set(batches.map(({ features }) => features[0]?.shape[0]))
  return sizes.size === 1 && batches.length === wanted ? [batches] : batches.map((batch) => [batch])
}
