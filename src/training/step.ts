/** @file One training step as one graph: forward, loss, gradients, optimizer; weights and state are overwritten. */
import { random, zeros, type Shape, type Tensor } from '../tensor/index.ts'
import { engine, type Program } from '../engine/index.ts'
import {
  blockedLayout,
  createTape,
  gradients,
  inSequence,
  matchScalarRanks,
  mayOverwrite,
  producers,
  scaleKernels,
  spellOutBatchStatistics,
  spellOutZeroInsertion,
  startAt,
  steps,
  type Graph,
  type Tape,
  type Value,
} from '../graph/index.ts'
import { lower, type Functional, type Lowered, type RandomMask } from '../models/index.ts'
import type { Variable } from '../layers/index.ts'
import { learningRateOf, slotsOf, type Compiled, type TrainedTensor } from './compile.ts'
import { applyOptimizer } from './optimizers/index.ts'

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

/** A step for one batch size. */
export interface Step {
  run(batch: StepBatch): Promise<StepResult>
  dispose(): Promise<void>
}

/** The gradients of the last step by weight, in the graph's layout. */
export type GradientStore = Map<Variable, Tensor<'float32'>>

export interface StepPlan {
  readonly model: Functional
  readonly compiled: Compiled
  /** The photo's shape with the batch: every size known. */
  readonly shape: Shape
  /** Names of the values at which the step begins; the model's input when nothing is frozen. */
  readonly features: readonly string[]
  /** Of dropout. */
  readonly seed: number
  /** Where each step leaves its gradients; default nowhere. */
  readonly gradients?: GradientStore | undefined
}

export interface StepGraph {
  readonly graph: Graph
  readonly features: readonly Value[]
  readonly targets: Value
  readonly weights: Value
  readonly scalars: Readonly<Record<string, Value>>
  readonly masks: readonly RandomMask[]
  readonly loss: Value
  readonly predictions: Value
  readonly trained: readonly TrainedValue[]
  /** Those to leave in the plan's store. */
  readonly gradients: ReadonlyMap<Variable, Value>
}

/** A parameter, what replaces it after the step, and where its numbers live. */
export interface TrainedValue {
  readonly old: Value
  readonly updated: Value
  readonly inPlace: boolean
  readonly read: () => TrainedTensor
  readonly write: (tensor: TrainedTensor) => void
}

/** Builds and compiles the step. */
export async function buildStep(plan: StepPlan): Promise<Step> {
  const built = recordStep(plan, await engine().blockSize())
  const program = await engine().compile(built.graph, { asInputs: new Set(built.trained.map(({ old }) => old)) })
  return { run: (batch) => runStep(plan, built, program, batch), dispose: () => program.dispose() }
}

export function recordStep(plan: StepPlan, block: number): StepGraph {
  const { model, compiled } = plan
  const lowered = withScaledKernels(
    lower(model, { training: true, shapes: [plan.shape], isTrainable: (layer) => compiled.trainableLayers.has(layer) }),
    plan.features,
  )
  const { tape } = lowered
  const predictions = lowered.outputs[0]!
  const batch = plan.shape[0]!
  const targets = tape.input('targets', { shape: predictions.shape, dtype: 'float32' })
  const weights = tape.input('sample_weights', { shape: [batch], dtype: 'float32' })
  const perSample = compiled.loss.perSample({ tape, targets, predictions, logits: logitsOf(tape, predictions) })
  const loss = steps.scale(tape, steps.sumOver(tape, steps.mul(tape, perSample, weights), [0]), 1 / batch)
  const { trained, scalars, gradients: found } = recordDescent(plan, lowered, loss)
  const kept = plan.gradients ? found : new Map<Variable, Value>()
  // Two weights may have one gradient, and a graph has each output once.
  const whole = tape.graph([...new Set([loss, predictions, ...trained.map(({ updated }) => updated), ...kept.values()])])
  const features = plan.features.map((name) => valueNamed(whole, name))
  const { graph, at } = inSequence(startAt(whole, features), [
    spellOutBatchStatistics,
    ...(block > 0 ? [(next: Graph) => blockedLayout(next, block)] : []),
    spellOutZeroInsertion,
    matchScalarRanks,
  ])
  return {
    graph,
    features,
    targets,
    weights,
    scalars,
    masks: lowered.masks,
    loss: at(loss),
    gradients: new Map(Array.from(kept, ([variable, value]) => [variable, at(value)])),
    predictions: at(predictions),
    trained: trained.map((row) => ({ ...row, updated: at(row.updated), inPlace: mayOverwrite(graph, row.old, at(row.updated)) })),
  }
}

/** The forward part with frozen batch norms inside their convolutions; values of the given names stay. */
function withScaledKernels(lowered: Lowered, names: readonly string[]): Lowered {
  const { outputs, updates } = lowered
  const forward = lowered.tape.graph([...outputs, ...updates.values()])
  const kept = forward.nodes.flatMap((node) => node.outputs).filter(({ name }) => names.includes(name))
  const { graph, at } = scaleKernels(forward, new Set(kept))
  const moved = Array.from(updates, ([variable, value]) => [variable, at(value)] as const)
  return { ...lowered, tape: createTape(graph), outputs: outputs.map(at), updates: new Map(moved) }
}

/** Gradients of the trainable weights, their updates, the optimizer's state, and moving statistics. */
function recordDescent({ compiled }: StepPlan, lowered: Lowered, loss: Value): Pick<StepGraph, 'trained' | 'scalars' | 'gradients'> {
  const { tape, variables, updates } = lowered
  const wanted = compiled.trainable.filter((variable) => variables.has(variable))
  const found = gradients(
    tape,
    loss,
    wanted.map((variable) => variables.get(variable)!),
  )
  const moved = wanted.flatMap((variable, i) => (found[i] ? [{ variable, weight: variables.get(variable)!, gradient: found[i] }] : []))
  const slotValues = moved.map(({ variable }) => slotParameters(tape, compiled, variable))
  const scalars = scalarInputs(tape, compiled)
  const applied = applyOptimizer(
    tape,
    compiled.optimizer,
    moved.map((row, i) => ({
      weight: row.weight,
      gradient: row.gradient,
      slots: slotValues[i]!,
      factor: compiled.learningRateFactors.get(row.variable),
    })),
    { scalars, rate: scalars['learning_rate']! },
  )
  const trained = moved.flatMap(({ variable, weight }, i) => [
    weightRow(compiled, variable, weight, applied[i]!.weight),
    ...compiled.optimizer.rule.slots.map((slot) =>
      slotRow(compiled, variable, slot, { old: slotValues[i]![slot]!, updated: applied[i]!.slots[slot]! }),
    ),
  ])
  const statistics = [...updates].map(([variable, updated]) => weightRow(compiled, variable, variables.get(variable)!, updated))
  return { trained: [...trained, ...statistics], scalars, gradients: new Map(moved.map(({ variable, gradient }) => [variable, gradient])) }
}

function weightRow(compiled: Compiled, variable: Variable, old: Value, updated: Value): TrainedValue {
  return {
    old,
    updated,
    inPlace: false,
    read: () => ({ current: variable.graphValue(), spare: compiled.spares.get(variable) }),
    write({ current, spare }) {
      variable.setGraphValue(current)
      if (spare) compiled.spares.set(variable, spare)
    },
  }
}

function slotRow(compiled: Compiled, variable: Variable, slot: string, values: { old: Value; updated: Value }): TrainedValue {
  const tensor = slotsOf(compiled, variable)[slot]!
  return { ...values, inPlace: false, read: () => tensor, write: (next) => void Object.assign(tensor, next) }
}

function slotParameters(tape: Tape, compiled: Compiled, variable: Variable): Record<string, Value> {
  const tensors = slotsOf(compiled, variable)
  const parameter = (slot: string): Value =>
    tape.parameter(`${variable.path}/${slot}`, { shape: variable.graphShape, dtype: 'float32' }, () => tensors[slot]!.current)
  return Object.fromEntries(compiled.optimizer.rule.slots.map((slot) => [slot, parameter(slot)]))
}

function scalarInputs(tape: Tape, compiled: Compiled): Record<string, Value> {
  const names = [...Object.keys(compiled.optimizer.rule.scalars(1, 0)), 'learning_rate']
  return Object.fromEntries(names.map((name) => [name, tape.input(`scalar/${name}`, { shape: [], dtype: 'float32' })]))
}

async function runStep(plan: StepPlan, built: StepGraph, program: Program, batch: StepBatch): Promise<StepResult> {
  const { compiled } = plan
  const rate = learningRateOf(compiled)
  const step = compiled.iterations + 1
  const numbers: Record<string, number> = { ...compiled.optimizer.rule.scalars(step, rate), learning_rate: rate }
  const feeds = new Map<Value, Tensor>([
    [built.targets, batch.targets],
    [built.weights, batch.weights],
  ])
  built.features.forEach((value, i) => feeds.set(value, batch.features[i]!))
  for (const [name, value] of Object.entries(built.scalars))
    feeds.set(value, { data: Float32Array.of(numbers[name]!), shape: [], dtype: 'float32' })
  for (const mask of built.masks) feeds.set(mask.value, drawMask(mask, `${plan.seed}/${step}`))
  const into = new Map<Value, Tensor>()
  const next = built.trained.map((row) => {
    const { current, spare } = row.read()
    feeds.set(row.old, current)
    const target = row.inPlace ? current : (spare ?? { ...current, data: new Float32Array(current.data.length) })
    into.set(row.updated, target)
    return { row, current: target, spare: row.inPlace ? spare : current }
  })
  leaveGradients(plan, built, into)
  const results = await program.run(feeds, into)
  for (const { row, current, spare } of next) row.write({ current, spare })
  compiled.iterations = step
  return { loss: (results.get(built.loss)!.data as Float32Array)[0]!, predictions: results.get(built.predictions) as Tensor<'float32'> }
}

/** Has the step write its gradients into the store, over those of the last one. */
function leaveGradients({ gradients: store }: StepPlan, { gradients }: StepGraph, into: Map<Value, Tensor>): void {
  for (const [variable, value] of gradients) {
    const shape = variable.graphShape
    const target = (into.get(value) ?? store?.get(variable) ?? zeros(shape)) as Tensor<'float32'>
    into.set(value, target)
    store?.set(variable, target)
  }
}

/** 0 with probability `rate`, else 1/(1 − rate); the same for the same seed, step and layer. */
function drawMask({ value, rate, layer }: RandomMask, seed: string): Tensor<'float32'> {
  const shape = value.shape.map((size) => size ?? 1)
  const rng = random(`dropout/${seed}/${layer}`)
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
  for (let i = 0; i < data.length; i++) data[i] = rng.uniform() < rate ? 0 : 1 / (1 - rate)
  return { data, shape, dtype: 'float32' }
}

/** What the model's last softmax or sigmoid is applied to; losses are more exact on it. */
export function logitsOf(tape: Tape, predictions: Value): Value | undefined {
  const last = producers(tape).get(predictions)
  return last?.op === 'Softmax' || last?.op === 'Sigmoid' ? (last.inputs[0] ?? undefined) : undefined
}

/** The value of that name. */
export function valueNamed(graph: Graph, name: string): Value {
  const found =
    graph.inputs.find((value) => value.name === name) ?? graph.nodes.flatMap((node) => node.outputs).find((value) => value.name === name)
  if (!found) throw new Error(`The step graph has no value "${name}"`)
  return found
}
