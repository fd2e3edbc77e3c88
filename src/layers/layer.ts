/** @file A layer: a kind with its configuration, its name and its weights. It is called like a function, as in Keras. */
import { RootstockError, unknownName } from '../errors.ts'
import { sameShape, showShape } from '../tensor/index.ts'
import type { KerasShape, LayerKind } from './kind.ts'
import { initializer } from './initializers.ts'
import { autoName } from './names.ts'
import type { LayerCall, SymbolicTensor } from './symbolic.ts'
import { Variable } from './variable.ts'

/** Options that every layer takes. */
export interface LayerOptions {
  /** Unique in a model. Default: the class name in snake case, counted. */
  readonly name?: string
  /** Whether training moves its weights. Default true. */
  readonly trainable?: boolean
}

/** Options of one call of a layer. */
export interface CallOptions {
  /** While the model trains, keeps this call in inference (false) or training mode (true). Everything else runs in inference mode, as Keras's `predict`. */
  readonly training?: boolean
}

/** A layer is callable: `layers.dense({ units: 2 })(x)`. */
export interface LayerCallable {
  (inputs: SymbolicTensor | readonly SymbolicTensor[], options?: CallOptions): SymbolicTensor
}

/** A setting of the layer is an option of the function that makes it. */
function checkOptions(className: string, config: object, options: object): void {
  const names = ['name', 'trainable', ...Object.keys(config)]
  const strange = Object.keys(options).find((name) => !names.includes(name))
  if (strange !== undefined) throw unknownName(`option of ${className}`, strange, names)
}

/** Weight files make folders of names. */
function checkName(name: string | undefined): void {
  if (name === undefined || (typeof name === 'string' && !name.includes('/'))) return
  throw new RootstockError('USAGE', `Invalid name of a layer: found ${JSON.stringify(name)}, expected text without "/"`)
}

/** Makes function objects whose prototype is the class, so that layers have methods and can be called. */
const Callable = class {
  constructor() {
    const self = (inputs: SymbolicTensor | readonly SymbolicTensor[], options?: CallOptions): SymbolicTensor =>
      (self as unknown as Layer).on(inputs, options)
    return Object.setPrototypeOf(self, new.target.prototype) as this
  }
} as new () => LayerCallable

/** A kind of layer with its configuration, name and weights. It is called like a function. */
export class Layer extends Callable {
  /** What kind of layer it is. */
  readonly kind: LayerKind
  /** Its settings, without name and `trainable`. */
  readonly config: object
  declare readonly name: string
  /** Every call so far, in order. */
  readonly calls: LayerCall[] = []
  #trainable: boolean
  #variables: readonly Variable[] | undefined

  /** A layer of that kind; users call the functions of `layers`. */
  constructor(kind: LayerKind, config: object, options: LayerOptions = {}) {
    super()
    checkOptions(kind.className, config, options)
    checkName(options.name)
    this.kind = kind
    this.config = config
    // A function's own name is read-only but may be redefined.
    Object.defineProperty(this, 'name', { value: options.name ?? autoName(kind.className), enumerable: true })
    this.#trainable = options.trainable ?? true
  }

  /** Keras's class name. */
  get className(): string {
    return this.kind.className
  }

  /** Changes settings of the layer, as Keras's attributes do (`layer.momentum = 0.9`). Counts when the model is next compiled. */
  configure(changes: Readonly<Record<string, unknown>>): void {
    const unknown = Object.keys(changes).find((name) => !Object.hasOwn(this.config, name))
    if (unknown !== undefined) throw unknownName(`setting of ${this.className}`, unknown, Object.keys(this.config))
    Object.assign(this.config, changes)
  }

  /** Whether training moves this layer's weights. A change counts at the next `compile`, or while no step was made since the last one. */
  get trainable(): boolean {
    return this.#trainable
  }
  /** A change counts at the next `compile`, or while no step was made since the last one. */
  set trainable(value: boolean) {
    this.#trainable = value
  }

  /** Weights in Keras's order; empty before the first call. */
  get weights(): readonly Variable[] {
    return this.#variables ?? []
  }

  /** Number of single weights. */
  countParams(): number {
    return this.weights.reduce((sum, weight) => sum + weight.shape.reduce((product, size) => product * size, 1), 0)
  }

  /** The tensor that the layer's only call returned. */
  get output(): SymbolicTensor {
    return this.onlyCall().output
  }

  /** The tensor that the layer's only call took, or the first of them. */
  get input(): SymbolicTensor {
    const first = this.onlyCall().inputs[0]
    return first ?? this.output
  }

  /** Calls the layer on symbolic tensors. */
  on(inputs: SymbolicTensor | readonly SymbolicTensor[], options: CallOptions = {}): SymbolicTensor {
    const list = Array.isArray(inputs) ? (inputs as readonly SymbolicTensor[]) : [inputs as SymbolicTensor]
    this.#checkInputs(list)
    const shapes = list.map((tensor) => tensor.shape)
    this.#explained(shapes, () => {
      if (this.#variables) this.#checkWeights(this.#variables, shapes)
      this.#variables ??= this.build(shapes)
    })
    return this.record(list, this.outputShape(shapes), options.training)
  }

  /** Makes the weights for inputs of these shapes. */
  protected build(shapes: readonly KerasShape[]): readonly Variable[] {
    const specs = this.kind.weights?.(this.config, shapes) ?? []
    return specs.map((spec) => new Variable(this, spec, initializer(spec.initializer, `${this.name}/${spec.name}`, spec.shape)))
  }

  /** Keras's shape of the output for inputs of these shapes. */
  outputShape(shapes: readonly KerasShape[]): KerasShape {
    return this.#explained(shapes, () => this.kind.outputShape(this.config, shapes))
  }

  /** Runs what checks shapes; its complaints say which layer was called on what. */
  #explained<T>(shapes: readonly KerasShape[], run: () => T): T {
    try {
      return run()
    } catch (error) {
      if (error instanceof RootstockError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new RootstockError('SHAPE', `Cannot call ${this.className} "${this.name}" on ${shapes.map(showShape).join(', ')}: ${reason}`, {
        cause: error,
      })
    }
  }

  /** Notes a call and makes its output. */
  protected record(inputs: readonly SymbolicTensor[], shape: KerasShape, training?: boolean): SymbolicTensor {
    const call: { -readonly [K in keyof LayerCall]?: LayerCall[K] } = { layer: this, inputs, training }
    const output: SymbolicTensor = { shape, dtype: 'float32', name: this.name, call: call as LayerCall }
    call.output = output
    this.calls.push(call as LayerCall)
    return output
  }

  /** Weights are made for the inputs of the first call; a size that is not known yet is checked when it is. */
  #checkWeights(weights: readonly Variable[], shapes: readonly KerasShape[]): void {
    if (shapes.some((shape) => shape.at(-1) == null)) return
    const misfit = this.kind.weights?.(this.config, shapes).find((spec, i) => !sameShape(spec.shape, weights[i]!.shape))
    if (!misfit) return
    const { shape } = weights.find(({ name }) => name === misfit.name)!
    const called = `Cannot call ${this.className} "${this.name}" on ${shapes.map(showShape).join(', ')}`
    throw new RootstockError(
      'SHAPE',
      `${called}: its ${misfit.name} has shape ${showShape(shape)} since the first call, expected ${showShape(misfit.shape)} for this input`,
      { hint: 'A layer that is called again takes inputs with as many channels as before: make a second layer' },
    )
  }

  #checkInputs(inputs: readonly SymbolicTensor[]): void {
    const [least, most] = this.kind.inputs ?? [1, 1]
    if (inputs.length >= least && inputs.length <= most && inputs.every((tensor) => tensor?.call)) return
    const wanted = most === Infinity ? `at least ${least}` : String(least)
    throw new RootstockError(
      'USAGE',
      `Cannot call ${this.className} "${this.name}": found ${inputs.length} inputs, expected ${wanted} tensors of a model`,
    )
  }

  /** The only call; throws USAGE where there were none or several. */
  protected onlyCall(): LayerCall {
    const [call] = this.calls
    if (call && this.calls.length === 1) return call
    throw new RootstockError('USAGE', `Cannot take the output of "${this.name}": it was called ${this.calls.length} times, expected once`)
  }
}
