/** @file One training step as one graph: forward, loss, gradients, optimizer; weights and state are overwritten. */
import type { Shape, Tensor } from '../tensor/index.ts'
import { sizeOf } from '../tensor/index.ts'
import {
  blockedLayout,
  createTape,
  dropUnreadPixels,
  foldPadding,
  gradients,
  inSequence,
  joinZeroInsertion,
  leavesLast,
  matchScalarRanks,
  producers,
  scaleKernels,
  spellOutBatchStatistics,
  spellOutZeroInsertion,
  startAt,
  steps,
  summable,
  sumScaled,
  turnFactors,
  type Graph,
  type Rewritten,
  type Tape,
  type Value,
} from '../graph/index.ts'
import { lower, type Functional, type Lowered, type RandomMask } from '../models/index.ts'
import type { Layer, Variable } from '../layers/index.ts'
import { slotsOf, type Compiled, type TrainedTensor } from './compile.ts'
import { applyOptimizer } from './optimizers/index.ts'
import { isLarge, splitUpdates, type WeightUpdate } from './weight-updates.ts'

/** The gradients of the last step by weight, in the graph's layout. */
export type GradientStore = Map<Variable, Tensor<'float32'>>

export interface StepPlan {
  readonly model: Functional
  readonly compiled: Compiled
  /** The photo's shape with the batch: every size known. */
  readonly shape: Shape
  /** Names of the values at which the step begins; the model's input when nothing is frozen. */
  readonly features: readonly string[]
  /** One batch of an epoch has this size. */
  readonly isRare?: boolean
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
  /** Of large weights, which the graph does not update itself. */
  readonly updates: readonly WeightUpdate[]
  /** Weights whose rows and columns are exchanged in the graph. */
  readonly turned: ReadonlySet<Variable>
  /** Where values of updates went that the graph gives. */
  readonly given: (value: Value) => Value
  /** Those to leave in the plan's store. */
  readonly gradients: ReadonlyMap<Variable, Value>
}

/** A parameter, what replaces it after the step, and where its numbers live. */
export interface TrainedValue {
  readonly variable: Variable
  /** What the optimizer remembers of the weight; empty for the weight itself. */
  readonly slot: string
  readonly old: Value
  readonly updated: Value
  readonly read: () => TrainedTensor
  readonly write: (tensor: TrainedTensor) => void
}

export function recordStep(plan: StepPlan, block: number): StepGraph {
  const forward = recordForward(plan)
  // Weights are turned for the sake of updates outside the graph, and only if they take place there.
  const turned = block > 0 ? withTurnedFactors(plan, forward) : undefined
  return (turned && record(plan, turned, block)) ?? record(plan, forward, block)!
}

/** The weights whose rows and columns are exchanged in the graph come with it. */
type Forward = Lowered & { readonly turned?: ReadonlySet<Variable> }

function record(plan: StepPlan, lowered: Forward, block: number): StepGraph | undefined {
  const { compiled } = plan
  const { tape, turned = new Set<Variable>() } = lowered
  const predictions = lowered.outputs[0]!
  const batch = plan.shape[0]!
  const targets = tape.input('targets', { shape: predictions.shape, dtype: 'float32' })
  const weights = tape.input('sample_weights', { shape: [batch], dtype: 'float32' })
  const perSample = compiled.loss.perSample({ tape, targets, predictions, logits: logitsOf(tape, predictions) })
  const loss = steps.scale(tape, steps.sumOver(tape, steps.mul(tape, perSample, weights), [0]), 1 / batch)
  const { trained: all, scalars, gradients: found } = recordDescent(plan, lowered, { loss, block })
  const split = { compiled, trained: all, gradients: found, turned }
  const { rest: trained, updates } = block > 0 ? splitUpdates(tape, split) : { rest: all, updates: [] }
  if (trained.some(({ variable }) => turned.has(variable))) return undefined
  const wanted = updates.flatMap((update) => update.wanted)
  const kept = plan.gradients ? found : new Map<Variable, Value>()
  // Two weights may have one gradient, and a graph has each output once.
  const whole = tape.graph([...new Set([loss, predictions, ...trained.map(({ updated }) => updated), ...wanted, ...kept.values()])])
  const features = plan.features.map((name) => valueNamed(whole, name))
  const { graph, at } = inSequence(startAt(whole, features), [
    spellOutBatchStatistics,
    joinZeroInsertion,
    ...(block > 0 ? [(next: Graph) => blockedLayout(next, block)] : []),
    spellOutZeroInsertion,
    ...(block > 0 ? [(next: Graph) => sumScaled(next, block)] : []),
    matchScalarRanks,
  ])
  return {
    graph: updates.length > 0 ? leavesLast(graph) : graph,
    features,
    targets,
    weights,
    scalars,
    masks: lowered.masks,
    loss: at(loss),
    gradients: new Map(Array.from(kept, ([variable, value]) => [variable, at(value)])),
    predictions: at(predictions),
    updates,
    turned,
    given: at,
    trained: trained.map((row) => ({ ...row, updated: at(row.updated) })),
  }
}

function recordForward({ model, compiled, shape, features }: StepPlan): Forward {
  const isTrainable = (layer: Layer): boolean => compiled.trainableLayers.has(layer)
  return withFewerProducts(lower(model, { training: true, shapes: [shape], isTrainable }), features)
}

function withTurnedFactors({ compiled }: StepPlan, lowered: Forward): Forward {
  const { variables } = lowered
  const large = compiled.trainable.filter((variable) => isLarge(variable) && variables.has(variable))
  const wanted = new Set(large.map((variable) => variables.get(variable)!))
  const { turned, ...passed } = passedThrough(lowered, (forward) => turnFactors(forward, wanted))
  return {
    ...passed,
    variables: new Map(Array.from(variables, ([variable, value]) => [variable, turned.get(value) ?? value])),
    turned: new Set(large.filter((variable) => turned.has(variables.get(variable)!))),
  }
}

/** The forward part without pixels that nobody reads, and with frozen batch norms inside their convolutions; values of the given names stay. */
function withFewerProducts(lowered: Lowered, names: readonly string[]): Lowered {
  const kept = ({ nodes }: Graph): Value[] => nodes.flatMap((node) => node.outputs).filter(({ name }) => names.includes(name))
  const passes = [
    (graph: Graph) => foldPadding(graph, kept(graph)),
    (graph: Graph) => dropUnreadPixels(graph, kept(graph)),
    (graph: Graph) => scaleKernels(graph, new Set(kept(graph))),
  ]
  return passedThrough(lowered, (forward) => inSequence(forward, passes))
}

/** The forward part after a pass, on a tape that goes on from there, with what else the pass says. */
function passedThrough<R extends Rewritten>(lowered: Lowered, pass: (forward: Graph) => R): Lowered & Omit<R, keyof Rewritten> {
  const { outputs, updates } = lowered
  const { graph, at, ...said } = pass(lowered.tape.graph([...outputs, ...updates.values()]))
  const moved = Array.from(updates, ([variable, value]) => [variable, at(value)] as const)
  return { ...lowered, ...said, tape: createTape(graph), outputs: outputs.map(at), updates: new Map(moved) }
}

/** Gradients of the trainable weights, their updates, the optimizer's state, and moving statistics. */
function recordDescent(
  { compiled }: StepPlan,
  lowered: Lowered,
  { loss, block }: { readonly loss: Value; readonly block: number },
): Pick<StepGraph, 'trained' | 'scalars' | 'gradients'> {
  const { tape, variables, updates } = lowered
  const wanted = compiled.trainable.filter((variable) => variables.has(variable))
  const found = gradients(
    tape,
    loss,
    wanted.map((variable) => variables.get(variable)!),
  )
  const moved = wanted.flatMap((variable, i) => (found[i] ? [{ variable, weight: variables.get(variable)!, gradient: found[i] }] : []))
  // The optimizer works number by number, so a shape that is good for sums will do.
  const shapes = moved.map(({ variable }) => summable(sizeOf(variable.graphShape), block) ?? variable.graphShape)
  const slotValues = moved.map(({ variable }, i) => slotParameters(tape, compiled, { variable, shape: shapes[i]! }))
  const scalars = scalarInputs(tape, compiled)
  const applied = applyOptimizer(
    tape,
    compiled.optimizer,
    moved.map((row, i) => ({
      weight: steps.reshape(tape, row.weight, shapes[i]!),
      gradient: steps.reshape(tape, row.gradient, shapes[i]!),
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
    variable,
    slot: '',
    old,
    updated,
    read: () => ({ current: variable.graphValue(), spare: compiled.spares.get(variable) }),
    write({ current, spare }) {
      variable.setGraphValue(current)
      if (spare) compiled.spares.set(variable, spare)
    },
  }
}

function slotRow(compiled: Compiled, variable: Variable, slot: string, values: { old: Value; updated: Value }): TrainedValue {
  const tensor = slotsOf(compiled, variable)[slot]!
  return { variable, slot, ...values, read: () => tensor, write: (next) => void Object.assign(tensor, next) }
}

function slotParameters(
  tape: Tape,
  compiled: Compiled,
  { variable, shape }: { readonly variable: Variable; readonly shape: Shape },
): Record<string, Value> {
  const tensors = slotsOf(compiled, variable)
  const parameter = (slot: string): Value =>
    tape.parameter(`${variable.path}/${slot}`, { shape, dtype: 'float32' }, () => ({ ...tensors[slot]!.current, shape }))
  return Object.fromEntries(compiled.optimizer.rule.slots.map((slot) => [slot, parameter(slot)]))
}

function scalarInputs(tape: Tape, compiled: Compiled): Record<string, Value> {
  const names = [...Object.keys(compiled.optimizer.rule.scalars(1, 0)), 'learning_rate']
  return Object.fromEntries(names.map((name) => [name, tape.input(`scalar/${name}`, { shape: [], dtype: 'float32' })]))
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
