/** @file The functional model of Keras: inputs, outputs and everything between them. It is a layer too, so models nest. */
import { RootstockError, unknownName, refuseUnknown } from '../errors.ts'
import {
  Layer,
  type CallOptions,
  type KerasShape,
  type LayerCall,
  type LayerKind,
  type LayerOptions,
  type SymbolicTensor,
  type Variable,
} from '../layers/index.ts'
import { showShape } from '../tensor/index.ts'
import { modelKind } from './model-kind.ts'
import { summary, type SummaryOptions } from './summary.ts'
import { topologyOf } from './topology.ts'

/** What `model` takes. */
export interface ModelOptions extends LayerOptions {
  /** Where the model begins. */
  readonly inputs: SymbolicTensor | readonly SymbolicTensor[]
  /** Where it ends. */
  readonly outputs: SymbolicTensor | readonly SymbolicTensor[]
}

/** How the pictures of an input are prepared: a new head on a network has the network's own input, and no nested model that could say it. */
const preparedInputs = new WeakMap<SymbolicTensor, string>()

/** Structure only; what computes (fit, predict) is in training/. */
export class Functional extends Layer {
  /** Where it begins. */
  readonly inputs: readonly SymbolicTensor[]
  /** Where it ends. */
  readonly outputs: readonly SymbolicTensor[]
  /** All layers in Keras's order. A nested model is one of them. */
  readonly layers: readonly Layer[]
  /** The input layer that stands for each input that is the output of a layer. */
  readonly standIns: ReadonlyMap<SymbolicTensor, Layer>
  /** The calls of this model's own layers, in running order. */
  readonly path: readonly LayerCall[]
  /** Their places in the order in which Keras runs them. */
  readonly places: ReadonlyMap<LayerCall, number>
  #preprocessing: string | undefined

  /** The model between these tensors; users call `model`. Files say what kind it is. Throws USAGE where they are not connected. */
  constructor(options: ModelOptions, kind: LayerKind = modelKind) {
    refuseUnknown('model', options, { inputs: true, outputs: true, name: true, trainable: true })
    const { inputs, outputs, ...own } = options
    super(kind, {}, own)
    this.inputs = asList(inputs)
    this.outputs = asList(outputs)
    if (this.inputs.length === 0 || this.outputs.length === 0) {
      throw new RootstockError('USAGE', 'Cannot make a model: it needs at least one input and one output')
    }
    const { layers, calls, kerasCalls, standIns } = topologyOf(this.inputs, this.outputs)
    this.layers = layers
    this.standIns = standIns
    this.path = calls
    this.places = new Map(kerasCalls.map((call, i) => [call, i]))
    const nested = layers.flatMap((layer) => (layer instanceof Functional && layer.preprocessing ? [layer.preprocessing] : []))[0]
    this.#preprocessing = nested ?? preparedInputs.get(this.input)
  }

  /** What its pictures must go through before; set by the applications, and passed on to models that are built on their layers. */
  get preprocessing(): string | undefined {
    return this.#preprocessing
  }
  /** Models that are built on its layers take it over. */
  set preprocessing(mode: string | undefined) {
    this.#preprocessing = mode
    if (mode !== undefined) preparedInputs.set(this.input, mode)
  }

  /** The model's first output, so that its layers can be built upon (a model keeps the meaning of `output` when it is nested). */
  override get output(): SymbolicTensor {
    return this.outputs[0]!
  }

  override get input(): SymbolicTensor {
    return this.inputs[0]!
  }

  override get weights(): readonly Variable[] {
    return [...new Set(this.layers.flatMap((layer) => layer.weights))]
  }

  /** Weights that training of this model moves now: none of a frozen model, whatever its layers say. In a larger model its layers alone decide. */
  get trainableWeights(): readonly Variable[] {
    return !this.trainable ? [] : this.weights.filter((weight) => weight.trainable)
  }

  override get trainable(): boolean {
    return super.trainable
  }
  /** Sets this model and every layer in it, nested ones included. */
  override set trainable(value: boolean) {
    super.trainable = value
    for (const layer of this.layers) layer.trainable = value
  }

  /** The layer of that name or at that place. Offers the nearest names when there is none. */
  getLayer(which: string | number): Layer {
    const found = typeof which === 'number' ? this.layers.at(which) : this.layers.find((layer) => layer.name === which)
    if (found) return found
    if (typeof which === 'string')
      throw unknownName(
        'layer',
        which,
        this.layers.map((layer) => layer.name),
      )
    throw new RootstockError('USAGE', `Cannot get layer ${which}: the model has ${this.layers.length} layers`)
  }

  /** The table that Keras prints. */
  summary(options: SummaryOptions = {}): string {
    return summary(this, options)
  }

  /** Calls the model as a layer. Throws USAGE where it has several outputs: a call returns one tensor. */
  override on(inputs: SymbolicTensor | readonly SymbolicTensor[], options: CallOptions = {}): SymbolicTensor {
    if (this.outputs.length === 1) return super.on(inputs, options)
    throw new RootstockError('USAGE', `Cannot call the model "${this.name}": it has ${this.outputs.length} outputs, expected one`, {
      hint: 'Build on its own tensors (inputs and outputs), or call a model for each output: model({ inputs, outputs: outputs[0] })',
    })
  }

  protected override build(): readonly Variable[] {
    return this.weights
  }

  override outputShape(shapes: readonly KerasShape[]): KerasShape {
    this.#checkShapes(shapes)
    const shapeOf = new Map<SymbolicTensor, KerasShape>(this.inputs.map((tensor, i) => [tensor, shapes[i] ?? tensor.shape]))
    for (const call of this.path) {
      if (shapeOf.has(call.output)) continue
      shapeOf.set(call.output, call.layer.outputShape(call.inputs.map((tensor) => shapeOf.get(tensor)!)))
    }
    return shapeOf.get(this.output)!
  }

  #checkShapes(shapes: readonly KerasShape[]): void {
    const fits = ({ shape: wanted }: SymbolicTensor, i: number): boolean => {
      const shape = shapes[i] ?? wanted
      return shape.length === wanted.length && wanted.every((size, axis) => size === null || (shape[axis] ?? size) === size)
    }
    if (shapes.length === this.inputs.length && this.inputs.every(fits)) return
    const [found, expected] = [shapes, this.inputs.map(({ shape }) => shape)].map((list) => list.map(showShape).join(' and '))
    throw new RootstockError('SHAPE', `Cannot call the model "${this.name}" on ${found}, expected ${expected}`)
  }
}

function asList(value: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] {
  return Array.isArray(value) ? (value as readonly SymbolicTensor[]) : [value as SymbolicTensor]
}
