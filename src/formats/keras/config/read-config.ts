/**
 * @file Builds a functional model from Keras's configuration, of Keras 1 to 3. Nothing in a configuration is code: classes are looked up in
 * a table, and what is not in it is refused by its name.
 */
import { RootstockError } from '../../../errors.ts'
import { input } from '../../../layers/index.ts'
import type { SymbolicTensor } from '../../../layers/index.ts'
import { Functional, sequentialKind } from '../../../models/index.ts'
import type { ModelOptions } from '../../../models/index.ts'
import { brief, isList, isObject, objectAt, textAt } from './json-value.ts'
import type { JsonObject } from './json-value.ts'
import { modernModel } from './keras1.ts'
import { makeLayer } from './make-layer.ts'
import type { MadeLayer } from './make-layer.ts'
import { callNodes, outerTensors } from './nodes.ts'
import { Reader } from './reader.ts'

/** A model that was read: what `new Functional` takes, and what the user should know. */
export interface ReadModel {
  /** What `model` takes. */
  readonly options: ModelOptions
  /** Things in the file that have no effect here, such as regularizers. */
  readonly notes: readonly string[]
}

/** Reads a configuration (parsed JSON, objects without prototype). `source` names the file. Throws FORMAT. */
export function readModelConfig(config: unknown, source: string): ReadModel {
  const reader = new Reader(source)
  const options = readModel(reader, config, undefined)
  return { options, notes: reader.notes }
}

function readModel(reader: Reader, config: unknown, name: string | undefined): ModelOptions {
  const model = modernModel(config)
  reader.checkClass(model, name ?? 'model')
  const body = objectAt(model, 'config')
  if (!body) throw reader.refuse(`the model has no configuration`)
  return reader.within(() => {
    const own = textAt(body, 'name') ?? name
    const parts = textAt(model, 'class_name') === 'Sequential' ? readSequential(reader, model, body) : readFunctional(reader, body)
    return { ...parts, ...(own === undefined ? {} : { name: own }), trainable: body['trainable'] !== false }
  })
}

type Ends = Pick<ModelOptions, 'inputs' | 'outputs'>

function readFunctional(reader: Reader, body: JsonObject): Ends {
  const made = new Map<string, MadeLayer>()
  for (const entry of reader.layersOf(body)) {
    const name = textAt(entry, 'name') ?? textAt(objectAt(entry, 'config'), 'name')
    if (name === undefined) throw reader.refuse('a layer has no name')
    if (made.has(name)) throw reader.refuse(`two layers are called ${brief(name)}`)
    made.set(name, { ...readLayer(reader, entry, name), nodes: isList(entry['inbound_nodes']) ? entry['inbound_nodes'] : [] })
  }
  callNodes(reader, made)
  return { inputs: outerTensors(reader, made, body['input_layers']), outputs: outerTensors(reader, made, body['output_layers']) }
}

function readSequential(reader: Reader, model: JsonObject, body: JsonObject): Ends {
  const entries = reader.layersOf(body)
  const [first] = entries
  if (!first) throw reader.refuse('the model has no layers')
  let made = entries.map((entry, i) => readLayer(reader, entry, textAt(objectAt(entry, 'config'), 'name') ?? `layer_${i}`))
  reader.countRuns(made.map(({ layer }) => layer))
  const head = made[0]?.tensor
  if (head) made = made.slice(1)
  const start = head ?? sequentialInput(reader, first, body['build_input_shape'] ?? objectAt(model, 'build_config')?.['input_shape'])
  const outputs = made.reduce<SymbolicTensor>((tensor, { layer, check }) => {
    check?.([tensor.shape])
    return reader.building(layer.name, () => layer.on(tensor))
  }, start)
  return { inputs: start, outputs }
}

/** A sequential model without an input layer: the first layer, or the record of its building, states the shape. */
function sequentialInput(reader: Reader, first: JsonObject, built: unknown): SymbolicTensor {
  const config = objectAt(first, 'config')
  const shape = reader.batchShape(config) ?? reader.shape(built) ?? nestedInput(reader, first)
  if (!shape) throw reader.refuse('the model does not state the shape of its input')
  return input({ shape: shape.slice(1), name: `${textAt(config, 'name') ?? 'sequential'}_input` })
}

/** A model within a sequential one brings its own input. */
function nestedInput(reader: Reader, first: JsonObject): readonly (number | null)[] | undefined {
  const inner = objectAt(modernModel(first), 'config')
  const [entry] = inner && isList(inner['layers']) ? inner['layers'] : []
  return isObject(entry) ? reader.batchShape(objectAt(entry, 'config')) : undefined
}

function readLayer(reader: Reader, entry: JsonObject, name: string): Omit<MadeLayer, 'nodes'> {
  const className = textAt(entry, 'class_name')
  if (className === 'Functional' || className === 'Model' || className === 'Sequential') {
    const options = readModel(reader, entry, name)
    const kind = className === 'Sequential' ? sequentialKind : undefined
    const layer = reader.building(name, () => new Functional({ ...options, name }, kind))
    reader.countRuns(
      layer.path.map((call) => call.layer),
      layer,
    )
    return { layer, isModel: true }
  }
  return makeLayer(reader, entry, name)
}

/** Throws FORMAT where a value is not what a configuration starts with. */
export function requireModelConfig(config: unknown, source: string): JsonObject {
  if (isObject(config) && textAt(config, 'class_name') !== undefined) return config
  throw new RootstockError('FORMAT', `Cannot read ${source}: no configuration of a model in it`, {
    hint: 'The file holds weights only: build the network and call loadWeights',
  })
}
