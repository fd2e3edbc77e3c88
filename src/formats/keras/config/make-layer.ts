/** @file One layer of a configuration. */
import { input } from '../../../layers/index.ts'
import type { KerasShape, Layer, SymbolicTensor } from '../../../layers/index.ts'
import { nearestNames } from '../../../errors.ts'
import { axisOf } from './fields.ts'
import { brief, isList, isObject, objectAt, textAt } from './json-value.ts'
import type { JsonObject } from './json-value.ts'
import { modernLayer } from './keras1.ts'
import { layerRows } from './layer-rows.ts'
import type { LayerRow } from './layer-rows.ts'
import { operatorHint } from './reader.ts'
import type { Reader } from './reader.ts'

/** A layer that was made from a file, and what is left to do with it. */
export interface MadeLayer {
  readonly layer: Layer
  /** The tensor of an input layer. */
  readonly tensor?: SymbolicTensor
  readonly isModel?: boolean
  /** Checks what only the shapes of a call can tell. */
  readonly check?: (shapes: readonly KerasShape[]) => void
  /** The calls in the file. */
  readonly nodes: readonly unknown[]
}

/** Arguments of every layer that change nothing here. */
const common = new Set(['name', 'trainable', 'dtype', 'batch_input_shape', 'input_dtype', 'sparse', 'ragged', 'optional', 'batch_shape'])

/** Makes a layer from its entry. Throws FORMAT for classes that are not in the table and for arguments that we do not compute. */
export function makeLayer(reader: Reader, written: JsonObject, name: string): Omit<MadeLayer, 'nodes'> {
  const entry = modernLayer(written)
  reader.checkClass(entry, name)
  const className = textAt(entry, 'class_name') ?? ''
  const config = objectAt(entry, 'config') ?? {}
  if (className === 'InputLayer') return inputLayer(reader, config, name)
  checkType(reader, config['dtype'], name)
  const row = layerRows.get(className)
  if (isOperator(entry, row)) throw reader.refuseOperator(name, className)
  if (!row) throw unknownClass(reader, className, name)
  const options = readArguments(reader, row, { config, label: `${brief(name)} (${className})` })
  const layer = reader.building(name, () => row.make({ ...options, name, trainable: config['trainable'] !== false }))
  const axis = row.lastAxis === undefined ? undefined : axisOf(config[row.lastAxis])
  return axis === undefined ? { layer } : { layer, check: (shapes) => checkAxis(reader, shapes, { axis, name }) }
}

function inputLayer(reader: Reader, config: JsonObject, name: string): Omit<MadeLayer, 'nodes'> {
  const shape = reader.batchShape(config)
  if (!shape) throw reader.refuse(`the input ${brief(name)} has no shape`)
  if (config['sparse'] === true || config['ragged'] === true) throw reader.refuse(`the input ${brief(name)} is sparse or ragged`)
  const type = config['dtype']
  if (typeof type === 'string' && isCast(type)) reader.notes.push(`${type} of the input ${brief(name)}, which takes float32 here`)
  else checkType(reader, type, name)
  const tensor = reader.building(name, () => input({ shape: shape.slice(1), name }))
  return { layer: tensor.call.layer, tensor }
}

/** The `.h5` files of Keras 3 name no modules; an operator has only its own arguments there, some as those of a layer of its name. */
function isOperator({ config, inbound_nodes: nodes }: JsonObject, row: LayerRow | undefined): boolean {
  const isModern = isList(nodes) && nodes.some((node) => isObject(node) && 'args' in node)
  if (!isModern || !isObject(config) || 'trainable' in config) return false
  const own = Object.keys(config).filter((key) => key !== 'name')
  return !row || (own.length > 0 && !row.fields.some(({ keras }) => own.includes(keras)))
}

/** Every layer casts what comes in to its own type, float32. */
function isCast(type: string): boolean {
  return type !== 'float32' && /^(?:u?int\d+|b?float\d+|bool)$/u.test(type)
}

function unknownClass(reader: Reader, className: string, name: string): Error {
  // So Keras 2 stores what stands between layers.
  if (/^(?:TFOpLambda|SlicingOpLambda|TensorFlowOpLayer)$/u.test(className)) {
    return reader.refuse(`${brief(name)} is an operator or a function (x * 2, tf.nn.relu(x)), expected a layer`, operatorHint)
  }
  const known = [...layerRows.keys()].sort()
  const near = nearestNames(className, known)
  const hint = `${near.length > 0 ? `Did you mean ${near.join(' or ')}? ` : ''}Rootstock reads: InputLayer, ${known.join(', ')}`
  const what = className === 'Lambda' ? 'a Lambda, which is code' : `of the class ${brief(className)}, which Rootstock does not have`
  return reader.refuse(`the layer ${brief(name)} is ${what}`, hint)
}

interface ReadContext {
  readonly config: JsonObject
  readonly label: string
}

function readArguments(reader: Reader, row: LayerRow, { config, label }: ReadContext): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const field of row.fields) {
    const reading = field.read(config[field.keras])
    if ('refusal' in reading) throw reader.refuse(`${field.keras} of the layer ${label}: ${reading.refusal}`)
    Object.assign(options, reading.options)
    if (reading.note !== undefined) reader.notes.push(`${label}: ${reading.note}`)
  }
  const fields = new Set(row.fields.map(({ keras }) => keras))
  for (const [key, value] of Object.entries(config)) {
    const isQuiet = fields.has(key) || common.has(key) || value === null || value === false || /_(?:initializer|momentum)$/u.test(key)
    if (isQuiet) continue
    if (!/_(?:regularizer|constraint)$/u.test(key))
      throw reader.refuse(`the layer ${label} has an argument ${key} = ${brief(value)}, which Rootstock does not know`)
    reader.notes.push(`${label}: ${key} is left out`)
  }
  return options
}

/** Weights are float32 in all these policies; what is computed in half precision there is computed in full here. */
const types = new Set(['float32', 'mixed_float16', 'mixed_bfloat16'])

function checkType(reader: Reader, dtype: unknown, name: string): void {
  const policy = objectAt(dtype, 'config')
  // The policy of a quantized layer has a mode.
  const type = typeof dtype === 'string' ? dtype : (textAt(policy, 'name') ?? textAt(policy, 'mode'))
  if (type !== undefined && types.has(type) && type !== 'float32') reader.notes.push(`${type}, since all layers compute in float32`)
  if (dtype == null || (type !== undefined && types.has(type))) return
  throw reader.refuse(`the layer ${brief(name)} computes in ${brief(type ?? dtype)}, expected float32`)
}

function checkAxis(reader: Reader, shapes: readonly KerasShape[], { axis, name }: { axis: number; name: string }): void {
  const rank = shapes[0]?.length ?? 0
  if (axis === -1 || axis === rank - 1) return
  throw reader.refuse(`axis of the layer ${brief(name)} is ${axis}, expected the last axis (-1 or ${rank - 1}): channels come last here`)
}
