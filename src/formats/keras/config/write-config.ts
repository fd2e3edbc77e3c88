/** @file Writes a functional model as Keras's configuration: of Keras 3 (`.keras`), or the older form that whole-model `.h5` files hold. */
import { RootstockError } from '../../../errors.ts'
import type { KerasShape, Layer, LayerCall, SymbolicTensor } from '../../../layers/index.ts'
import { Functional } from '../../../models/index.ts'
import { layerRows } from './layer-rows.ts'

/** Keras 3's form names the module of every object; the one in `.h5` files does not. */
export type ConfigForm = 'keras3' | 'h5'

/** A JSON object to write. */
export type Written = Readonly<Record<string, unknown>>

/** The configuration of a model as a value for JSON. Throws USAGE for models that Keras's format cannot hold. */
export function writeModelConfig(model: Functional, form: ConfigForm): Written {
  const calls = callsByLayer(model)
  if (model.className === 'Sequential') return writeSequential(model, { form, calls })
  const config = {
    name: model.name,
    trainable: model.trainable,
    layers: model.layers.map((layer) => writeLayer(layer, calls.get(layer) ?? [], { form, calls })),
    input_layers: single(model.inputs.map((tensor) => address(tensor, calls, 'outer'))),
    output_layers: single(model.outputs.map((tensor) => address(tensor, calls, 'outer'))),
  }
  if (form === 'h5') return { class_name: 'Functional', config }
  return {
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    config,
    registered_name: 'Functional',
    build_config: { input_shape: null },
  }
}

/** A chain states neither its calls nor its ends. */
function writeSequential(model: Functional, context: Context): Written {
  const layers = model.layers.map((layer) => writeEntry(layer, context))
  const shape = model.input.shape
  const config = { name: model.name, trainable: model.trainable, dtype: float32Policy, layers, build_input_shape: shape }
  if (context.form === 'h5') return { class_name: 'Sequential', config }
  return { module: 'keras', class_name: 'Sequential', config, registered_name: null, build_config: { input_shape: shape } }
}

/** Keras's object for "compute in float32". */
export const float32Policy: Written = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null }

type Calls = ReadonlyMap<Layer, readonly LayerCall[]>

interface Context {
  readonly form: ConfigForm
  readonly calls: Calls
}

/** The calls of each layer that belong to the model, in the layer's order: their places are the node numbers in the file. */
function callsByLayer(model: Functional): Calls {
  const own = new Set<LayerCall>([...model.path, ...model.inputs.map(({ call }) => call)])
  const strange = model.inputs.find(({ call }) => call.inputs.length > 0)
  if (strange) {
    throw new RootstockError(
      'USAGE',
      `Cannot save ${model.name}: its input "${strange.name}" is the output of a layer, expected layers.input`,
    )
  }
  return new Map(model.layers.map((layer) => [layer, layer.calls.filter((call) => own.has(call))]))
}

function writeLayer(layer: Layer, nodes: readonly LayerCall[], context: Context): Written {
  const calls = nodes.filter(({ inputs }) => inputs.length > 0).map((call) => writeNode(layer, call, context.calls))
  return { ...writeEntry(layer, context), name: layer.name, inbound_nodes: calls }
}

/** What a layer is, without its calls. */
function writeEntry(layer: Layer, { form, calls }: Context): Written {
  if (layer instanceof Functional) return { ...writeModelConfig(layer, form), ...(form === 'keras3' ? { compile_config: {} } : {}) }
  const shapes = (calls.get(layer)?.[0]?.inputs ?? []).map(({ shape }) => shape)
  const row = layerRows.get(layer.className)
  const build = row?.isBuilt === true && shapes[0] ? { build_config: { input_shape: shapes.length === 1 ? shapes[0] : shapes } } : {}
  const body = { class_name: layer.className, config: layerConfig(layer) }
  return form === 'h5' ? body : { module: 'keras.layers', ...body, registered_name: null, ...build }
}

function layerConfig(layer: Layer): Written {
  if (layer.className === 'InputLayer') {
    const { batchShape } = layer.config as { readonly batchShape: KerasShape }
    return { batch_shape: batchShape, dtype: 'float32', sparse: false, ragged: false, name: layer.name }
  }
  const row = layerRows.get(layer.className)
  if (!row) throw new RootstockError('USAGE', `Cannot save the layer "${layer.name}": Keras has no layer ${layer.className}`)
  const config = layer.config as Readonly<Record<string, unknown>>
  const written = row.fields.flatMap(({ keras, write }): [string, unknown][] => (write ? [[keras, write(config)]] : []))
  return { name: layer.name, trainable: layer.trainable, dtype: float32Policy, ...Object.fromEntries(written) }
}

function writeNode(layer: Layer, call: LayerCall, calls: Calls): Written {
  const tensors = call.inputs.map((tensor) => writeTensor(tensor, calls))
  const isJoin = (layer.kind.inputs?.[1] ?? 1) > 1 && !(layer instanceof Functional && tensors.length === 1)
  return { args: [isJoin ? tensors : tensors[0]], kwargs: call.training === undefined ? {} : { training: call.training } }
}

function writeTensor(tensor: SymbolicTensor, calls: Calls): Written {
  const config = { shape: tensor.shape, dtype: tensor.dtype, keras_history: address(tensor, calls, 'inner') }
  return { class_name: '__keras_tensor__', config }
}

/** [layer, node, 0]. Among a model's inputs and outputs, nested models count from 1: Keras gives them a node of their own first. */
function address(tensor: SymbolicTensor, calls: Calls, where: 'inner' | 'outer'): [string, number, number] {
  const { layer } = tensor.call
  const node = calls.get(layer)?.indexOf(tensor.call) ?? -1
  if (node < 0) throw new RootstockError('USAGE', `Cannot save the model: "${tensor.name}" is no tensor of it`)
  return [layer.name, where === 'outer' && layer instanceof Functional && layer.className !== 'Sequential' ? node + 1 : node, 0]
}

/** Keras keeps a single input or output without a list around it. */
function single<T>(values: readonly T[]): T | readonly T[] {
  const [first] = values
  return values.length === 1 && first !== undefined ? first : values
}
