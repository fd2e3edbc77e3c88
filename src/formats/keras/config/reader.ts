/** @file What all readers of a configuration share: refusals that name the file, notes, and the limits that hostile files run into. */
import { RootstockError, messageOf } from '../../../errors.ts'
import type { Layer } from '../../../layers/index.ts'
import type { Dim } from '../../../tensor/index.ts'
import { brief, isList, isObject, textAt } from './json-value.ts'
import type { JsonObject } from './json-value.ts'

/** The largest network in Keras has about 1,000 layers. */
const MOST_LAYERS = 5000
/** Calls of layers, those within a nested model once for each of its calls: shapes and operators are worked out for every one. */
const MOST_RUNS = 20_000
/** Models within models. */
const MOST_DEPTH = 8
/** Of one tensor's shape. */
const MOST_AXES = 8

/** What to do about Python's operators and Keras's functions between the layers of a model. */
export const operatorHint = 'Write it with layers, such as Rescaling, Add or Activation, and save the model again'

/** One configuration that is being read. */
export class Reader {
  readonly notes: string[] = []
  readonly #source: string
  /** How many layers one call of a nested model runs. */
  readonly #runs = new Map<Layer, number>()
  #layers = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  /** A FORMAT error of this file. */
  refuse(found: string, hint = 'Build the network in code and call loadWeights, or get the file again', cause?: unknown): RootstockError {
    return new RootstockError('FORMAT', `Cannot read ${this.#source}: ${found}`, { hint, cause })
  }

  /** The refusal of what Keras 3 stores between layers. */
  refuseOperator(name: string, className: string): RootstockError {
    return this.refuse(`${brief(name)} is ${className}, an operator or a function (x * 2, ops.relu(x)), expected a layer`, operatorHint)
  }

  /** Runs `read` one level deeper. */
  within<T>(read: () => T): T {
    this.#depth++
    if (this.#depth > MOST_DEPTH) throw this.refuse(`models are nested more than ${MOST_DEPTH} deep`)
    try {
      return read()
    } finally {
      this.#depth--
    }
  }

  /** Runs what checks its own arguments; its complaints become refusals of this file. */
  building<T>(layer: string, make: () => T): T {
    try {
      return make()
    } catch (error) {
      if (error instanceof RootstockError && error.code === 'FORMAT') throw error
      throw this.refuse(`the layer ${brief(layer)} cannot be made (${messageOf(error)})`, undefined, error)
    }
  }

  /** The entries of a model's list of layers, counted against the limit. */
  layersOf(body: JsonObject): readonly JsonObject[] {
    const list = body['layers']
    if (!isList(list) || !list.every(isObject)) throw this.refuse('the model has no list of layers')
    this.#layers += list.length
    if (this.#layers > MOST_LAYERS) throw this.refuse(`it has more than ${MOST_LAYERS.toLocaleString('en-US')} layers`)
    return list
  }

  /** Counts what these calls run, and notes it for the nested model that they make up. Throws FORMAT above the limit. */
  countRuns(called: readonly Layer[], model?: Layer): void {
    const runs = called.reduce((sum, layer) => sum + (this.#runs.get(layer) ?? 1), 0)
    if (runs > MOST_RUNS) throw this.refuse(`its layers are called more than ${MOST_RUNS.toLocaleString('en-US')} times`)
    if (model) this.#runs.set(model, runs)
  }

  /** Refuses objects that are not Keras's own. */
  checkClass(entry: JsonObject, name: string): void {
    const [module, registered, className] = [entry['module'], entry['registered_name'], textAt(entry, 'class_name')]
    if (className === undefined) throw this.refuse(`${brief(name)} has no class`)
    const isOwnModule =
      module == null ||
      (typeof module === 'string' && /^(?:tf_)?keras(?:\.(?:src\.)?(?:layers|models|engine)(?:\.[\w.]+)?)?$/u.test(module))
    if (isOwnModule && (registered == null || registered === className)) return
    if (typeof module === 'string' && /^keras\.(?:src\.)?(?:ops|activations)\./u.test(module)) throw this.refuseOperator(name, className)
    const found = isOwnModule ? `the registered class ${brief(registered)}` : `${className} of the module ${brief(module)}`
    throw this.refuse(
      `${brief(name)} is ${found}, expected a layer of Keras`,
      'Code in files is not run: build the network and call loadWeights',
    )
  }

  /** The shape of an input layer with its batch, in the spelling of any version; undefined where none is stated. */
  batchShape(config: JsonObject | undefined): readonly Dim[] | undefined {
    return this.shape(config?.['batch_shape'] ?? config?.['batch_input_shape'] ?? config?.['batchInputShape'])
  }

  /** A shape with its batch; undefined where `value` is none. */
  shape(value: unknown): readonly Dim[] | undefined {
    if (value == null) return undefined
    const isDim = (size: unknown): size is Dim => size === null || (typeof size === 'number' && Number.isInteger(size) && size > 0)
    if (isList(value) && value.length >= 1 && value.length <= MOST_AXES && value.every(isDim)) return value
    throw this.refuse(`an input has the shape ${brief(value)}, expected positive sizes`)
  }
}
