/** @file Runs training steps: one at a time, or several in one call of the engine. */
import { random, sameShape, sizeOf, zeros, type Shape, type Tensor } from '../tensor/index.ts'
import { engine, type Program } from '../engine/index.ts'
import { mayOverwrite, unroll, type Unrolled, type Value } from '../graph/index.ts'
import type { RandomMask } from '../models/index.ts'
import { learningRateOf } from './compile.ts'
import { recordStep, type StepGraph, type StepPlan, type TrainedValue } from './step-graph.ts'
import { readyUpdates, turnedLater, type ReadyUpdates } from './weight-updates.ts'

export interface StepBatch {
  /** The values on the freeze boundary, or the photos. */
  readonly features: readonly Tensor<'float32'>[]
  /** [n, outputs] */
  readonly targets: Tensor<'float32'>
  /** [n] */
  readonly weights: Tensor<'float32'>
}

export interface StepResult {
  /** Mean over the batch of weighted sample losses, before the update. */
  readonly loss: number
  readonly predictions: Tensor<'float32'>
}

/** Steps for one batch size. */
export interface Step {
  /** Runs as many steps as there are batches, which must be as many as it was built for. */
  run(batches: readonly StepBatch[]): Promise<readonly StepResult[]>
  dispose(): Promise<void>
}

/** What a program of one or more steps is made of. */
interface Parts {
  readonly plan: StepPlan
  readonly built: StepGraph
  readonly turns: Unrolled['turns']
  readonly program: Program
  readonly trained: readonly TrainedOutput[]
  readonly updates: ReadyUpdates
}

/** A parameter before the first step and after the last. */
interface TrainedOutput {
  readonly row: TrainedValue
  readonly updated: Value
  readonly inPlace: boolean
}

/** Builds and compiles the step. */
export async function buildStep(plan: StepPlan): Promise<Step> {
  return compileSteps(plan, recordStep(plan, await engine().blockSize()), 1)
}

/** Compiles so many steps in a row as one program. The numbers are those of single steps. */
export async function compileSteps(plan: StepPlan, built: StepGraph, times: number): Promise<Step> {
  const { graph, turns } = unroll(
    built.graph,
    built.updates.length > 0 ? 1 : times,
    new Map(built.trained.map(({ old, updated }) => [old, updated])),
  )
  const trained = built.trained.map((row): TrainedOutput => {
    const updated = turns.at(-1)!(row.updated)
    return { row, updated, inPlace: mayOverwrite(graph, row.old, updated) }
  })
  const changing = [...built.trained, ...built.updates.flatMap(({ rows }) => rows)]
  const between = plan.isRare ? 'sleep' : built.updates.length > 0 ? 'wait' : undefined
  const asInputs = new Set(changing.map(({ old }) => old))
  const planned = bytesOf(graph.nodes.flatMap(({ outputs }) => outputs)) < PLANNED
  const program = await engine().compile(graph, { asInputs, planned, ...(between ? { between } : {}) })
  const updates = readyUpdates(built.updates, plan.compiled, built.given)
  const parts = { plan, built, turns, program, trained, updates }
  return { run: (batches) => runSteps(parts, batches), dispose: () => program.dispose() }
}

/** Bytes that a step may make whose memory the engine plans; from here on that would take more memory than it saves time. */
const PLANNED = 2 ** 27

/** Bytes of values of known size. */
export const bytesOf = (values: readonly Value[]): number => values.reduce((sum, { shape }) => sum + 4 * sizeOf(shape as Shape), 0)

async function runSteps(parts: Parts, batches: readonly StepBatch[]): Promise<StepResult[]> {
  const results: StepResult[] = []
  const together = parts.turns.length
  for (let from = 0; from < batches.length; from += together) results.push(...(await runCall(parts, batches.slice(from, from + together))))
  return results
}

/** The steps of one call of the engine. */
async function runCall(parts: Parts, batches: readonly StepBatch[]): Promise<StepResult[]> {
  const { plan, built, turns, program, trained, updates } = parts
  const { compiled } = plan
  const feeds = new Map<Value, Tensor>()
  turns.forEach((at, turn) => feedBatch(parts, feeds, { at, batch: batches[turn]!, step: compiled.iterations + turn + 1 }))
  const into = new Map<Value, Tensor>()
  const next = trained.map(({ row, updated, inPlace }) => {
    const { current, spare } = row.read()
    feeds.set(row.old, underShape(current, row.old))
    const target = inPlace ? current : (spare ?? { ...current, data: new Float32Array(current.data.length) })
    into.set(updated, underShape(target, updated))
    return { row, current: target, spare: inPlace ? spare : current }
  })
  for (const [value, tensor] of updates.feeds()) feeds.set(value, tensor)
  for (const [value, tensor] of updates.targets) into.set(value, tensor)
  leaveGradients(plan, built, into)
  const results = await program.run(feeds, into)
  updates.run((value) => (feeds.get(value)!.data as Float32Array)[0]!)
  for (const { row, current, spare } of next) row.write({ current, spare })
  compiled.iterations += batches.length
  return turns.map((at) => ({
    loss: (results.get(at(built.loss))!.data as Float32Array)[0]!,
    predictions: results.get(at(built.predictions)) as Tensor<'float32'>,
  }))
}

/** Feeds what one step reads besides weights: the batch, the numbers of the optimizer, and masks. */
function feedBatch(
  { plan, built }: Parts,
  feeds: Map<Value, Tensor>,
  { at, batch, step }: { readonly at: (value: Value) => Value; readonly batch: StepBatch; readonly step: number },
): void {
  const { compiled, seed } = plan
  const rate = learningRateOf(compiled, step - 1)
  const numbers: Record<string, number> = { ...compiled.optimizer.rule.scalars(step, rate), learning_rate: rate }
  feeds.set(at(built.targets), batch.targets)
  feeds.set(at(built.weights), batch.weights)
  built.features.forEach((value, i) => feeds.set(at(value), batch.features[i]!))
  for (const [name, value] of Object.entries(built.scalars))
    feeds.set(at(value), { data: Float32Array.of(numbers[name]!), shape: [], dtype: 'float32' })
  for (const mask of built.masks) feeds.set(at(mask.value), drawMask(mask, `${seed}/${step}`))
}

const views = new WeakMap<Tensor, Tensor<'float32'>>()

/** The tensor's numbers under the shape of a value; the same object for the same tensor, which the engine remembers. */
function underShape(tensor: Tensor<'float32'>, { shape }: Value): Tensor<'float32'> {
  if (sameShape(tensor.shape, shape)) return tensor
  const known = views.get(tensor)
  if (known && known.data === tensor.data && sameShape(known.shape, shape)) return known
  const view = { ...tensor, shape: shape as Shape }
  views.set(tensor, view)
  return view
}

/** Has the step write its gradients into the store, over those of the last one. */
function leaveGradients({ gradients: store }: StepPlan, { gradients, turned }: StepGraph, into: Map<Value, Tensor>): void {
  for (const [variable, value] of gradients) {
    const isTurned = turned.has(variable)
    const known = into.get(value) ?? (isTurned ? undefined : store?.get(variable))
    const target = (known ?? zeros(value.shape as Shape)) as Tensor<'float32'>
    into.set(value, target)
    store?.set(variable, isTurned ? turnedLater(target) : target)
  }
}

/** 0 with probability `rate`, else 1/(1 − rate); the same for the same seed, step and call of the layer. */
function drawMask({ value, rate, call }: RandomMask, seed: string): Tensor<'float32'> {
  const shape = value.shape.map((size) => size ?? 1)
  const rng = random(`dropout/${seed}/${call}`)
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
  // At a rate of 1 all are zero.
  for (let i = 0; i < data.length; i++) data[i] = rng.uniform() < rate ? 0 : 1 / (1 - rate)
  return { data, shape, dtype: 'float32' }
}
