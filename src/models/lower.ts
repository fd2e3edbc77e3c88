/** @file From layers to operators: records a model's calls on a tape, for one input size and one mode. */
import { RootstockError } from '../errors.ts'
import { showShape, type Dim } from '../tensor/index.ts'
import { createTape, type Tape, type Value } from '../graph/index.ts'
import {
  fromKerasLayout,
  toKerasLayout,
  type KerasShape,
  type LayerCall,
  type Lowering,
  type SymbolicTensor,
  type Variable,
} from '../layers/index.ts'
import { Functional } from './functional.ts'

/** For which size and mode a model is lowered. */
export interface LowerOptions {
  /** Keras's shapes of the inputs; null only for the batch. Default: the model's own. */
  readonly shapes?: readonly KerasShape[]
  /** Training mode: dropout drops, trainable batch norms use the batch. False holds for calls with `training: true`, too. */
  readonly training: boolean
  /** Whether a layer counts as trainable in this run. Default: its own flag. */
  readonly isTrainable?: (layer: LayerCall['layer']) => boolean
  /** Tensors to be outputs. Default: the model's. */
  readonly outputs?: readonly SymbolicTensor[]
}

/** An input of the graph to be filled with 0 and 1/(1 − rate) anew at each step. */
export interface RandomMask {
  /** The input of the graph. */
  readonly value: Value
  /** Share of zeros, 0 to 1. */
  readonly rate: number
  /** The layer's name, numbered from the second call of that name on; part of the seed. */
  readonly call: string
}

/** A model in operators. */
export interface Lowered {
  /** With everything recorded on it. */
  readonly tape: Tape
  /** In Keras's layout. */
  readonly inputs: readonly Value[]
  /** In Keras's layout. */
  readonly outputs: readonly Value[]
  /** The graph's value of each weight that was used. */
  readonly variables: ReadonlyMap<Variable, Value>
  /** What training leaves in weights that no optimizer moves. */
  readonly updates: ReadonlyMap<Variable, Value>
  /** Random masks that come in with every run. */
  readonly masks: readonly RandomMask[]
}

interface State {
  readonly tape: Tape
  readonly options: LowerOptions
  readonly variables: Map<Variable, Value>
  readonly updates: Update[]
  readonly masks: RandomMask[]
}

/** What one call leaves in a weight. */
interface Update {
  readonly variable: Variable
  readonly next: (old: Value) => Value
  readonly place: Place
}

/** Of a call in Keras's order: within its model, behind the place of the call of that model. */
type Place = readonly number[]

interface Lowerable {
  readonly value: Value
  readonly shape: KerasShape
}

/** Lowers a model. Every size but the batch must be known by now. */
export function lower(model: Functional, options: LowerOptions): Lowered {
  const tape = createTape()
  const state: State = { tape, options, variables: new Map(), updates: [], masks: [] }
  const inputs: Value[] = []
  const known = new Map<SymbolicTensor, Lowerable>()
  model.inputs.forEach((tensor, i) => {
    const shape = inputShape(model, tensor, options.shapes?.[i])
    const value = tape.input(tensor.name, { shape, dtype: 'float32' })
    inputs.push(value)
    known.set(tensor, { value: fromKerasLayout(tape, value), shape })
  })
  lowerCalls(state, model, { known, training: options.training, place: [] })
  const outputs = (options.outputs ?? model.outputs).map((tensor) => {
    const found = known.get(tensor)
    if (!found)
      throw new RootstockError('USAGE', `Cannot take "${tensor.name}" as an output: it is not a tensor of the model "${model.name}"`)
    return toKerasLayout(tape, found.value)
  })
  return { tape, inputs, outputs, variables: state.variables, updates: settled(state), masks: state.masks }
}

/** The weights after all calls: where a layer was called twice, the second call goes on from what the first one left. */
function settled({ variables, updates }: State): Map<Variable, Value> {
  const values = new Map<Variable, Value>()
  for (const { variable, next } of updates.sort((a, b) => order(a.place, b.place)))
    values.set(variable, next(values.get(variable) ?? variables.get(variable)!))
  return values
}

function order(a: Place, b: Place): number {
  return a.map((at, i) => at - (b[i] ?? 0)).find((difference) => difference !== 0) ?? 0
}

interface Scope {
  readonly known: Map<SymbolicTensor, Lowerable>
  readonly training: boolean
  readonly place: Place
}

/** Records every call whose output is not known yet. */
function lowerCalls(state: State, model: Functional, scope: Scope): void {
  const { known } = scope
  for (const call of model.path) {
    if (known.has(call.output)) continue
    const sources = call.inputs.map((tensor) => known.get(tensor)!)
    // Keras's `predict` and `evaluate` override what a call fixes: outside of training every layer is in inference mode.
    const training = state.options.training && (call.training ?? scope.training)
    const place = [...scope.place, model.places.get(call) ?? 0]
    known.set(call.output, lowerCall(state, call, { sources, training, place }))
  }
}

function lowerCall(state: State, call: LayerCall, { sources, training, place }: Omit<CallScope, 'shapes'>): Lowerable {
  const { layer } = call
  if (layer instanceof Functional) {
    const inner = new Map(layer.inputs.map((tensor, i) => [tensor, sources[i]!]))
    lowerCalls(state, layer, { known: inner, training, place })
    return inner.get(layer.output)!
  }
  const shapes = sources.map(({ shape }) => shape)
  const value = layer.kind.lower(loweringContext(state, call, { sources, shapes, training, place }))
  return { value, shape: layer.outputShape(shapes) }
}

interface CallScope {
  readonly sources: readonly Lowerable[]
  readonly shapes: readonly KerasShape[]
  readonly training: boolean
  readonly place: Place
}

function loweringContext(state: State, { layer }: LayerCall, { sources, shapes, training, place }: CallScope): Lowering {
  const { tape, options } = state
  const own = (name: string): Variable => {
    const found = layer.weights.find((weight) => weight.name === name)
    if (!found) throw new RootstockError('SHAPE', `The layer "${layer.name}" has no weight "${name}"`)
    return found
  }
  const isTrainable = options.isTrainable?.(layer) ?? layer.trainable
  // Keras: a frozen batch norm runs on its moving statistics; a frozen dropout still drops.
  const mode = training && (isTrainable || layer.className !== 'BatchNormalization')
  return {
    tape,
    name: layer.name,
    config: layer.config,
    inputs: sources.map(({ value }) => value),
    get x() {
      return sources[0]!.value
    },
    shapes,
    training: mode,
    weight(name) {
      const variable = own(name)
      const known = state.variables.get(variable)
      if (known) return known
      const value = tape.parameter(variable.path, { shape: variable.graphShape, dtype: 'float32' }, () => variable.graphValue(), {
        parts: () => variable.parts(),
      })
      state.variables.set(variable, value)
      return value
    },
    update: (name, next) => void state.updates.push({ variable: own(name), next, place }),
    randomMask(shape, rate) {
      const graph = shape.length === 4 ? [shape[0]!, shape[3]!, shape[1]!, shape[2]!] : shape
      const value = tape.input(`${layer.name}/mask`, { shape: graph, dtype: 'float32' })
      const before = state.masks.filter(({ call }) => call.split('/')[0] === layer.name).length
      state.masks.push({ value, rate, call: before === 0 ? layer.name : `${layer.name}/${before}` })
      return value
    },
  }
}

function inputShape(model: Functional, tensor: SymbolicTensor, given: KerasShape | undefined): readonly Dim[] {
  const shape = given ?? tensor.shape
  const fits = shape.length === tensor.shape.length && tensor.shape.every((size, i) => size === null || i === 0 || size === shape[i])
  if (!fits) {
    throw new RootstockError(
      'SHAPE',
      `Cannot run ${model.name}: the input "${tensor.name}" has shape ${showShape(shape)}, expected ${showShape(tensor.shape)}`,
    )
  }
  if (shape.slice(1).includes(null))
    throw new RootstockError('SHAPE', `Cannot run ${model.name}: the size of "${tensor.name}" is not known`)
  return shape
}
