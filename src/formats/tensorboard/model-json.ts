/** @file The part of Keras's model JSON that TensorBoard draws: layers by name and class, and what each is called on. */
import type { Layer, LayerCall, SymbolicTensor } from '../../layers/index.ts'
import { Functional } from '../../models/index.ts'

/** The model as Keras 3's `to_json` describes it, without the layers' settings. */
export function modelJson(model: Functional): string {
  return JSON.stringify({ ...describeModel(model), keras_version: '3.0.0' })
}

interface Described {
  readonly class_name: string
  readonly config: Readonly<Record<string, unknown>>
}

function describeModel(model: Functional): Described {
  const callsOf = new Map<Layer, LayerCall[]>()
  for (const call of model.path) callsOf.set(call.layer, [...(callsOf.get(call.layer) ?? []), call])
  // A layer may have been called for other models too; only the calls of this one are counted.
  const place = ({ call }: SymbolicTensor): [string, number, number] => [
    call.layer.name,
    Math.max(0, callsOf.get(call.layer)?.indexOf(call) ?? 0),
    0,
  ]
  const layers = model.layers.map((layer) => ({
    ...(layer instanceof Functional ? describeModel(layer) : describeLayer(layer)),
    name: layer.name,
    inbound_nodes: (callsOf.get(layer) ?? []).filter(({ inputs }) => inputs.length > 0).map(({ inputs }) => describeCall(inputs, place)),
  }))
  const config = {
    name: model.name,
    trainable: model.trainable,
    layers,
    input_layers: oneOrMany(model.inputs.map(place)),
    output_layers: oneOrMany(model.outputs.map(place)),
  }
  return { class_name: 'Functional', config }
}

function describeLayer(layer: Layer): Described {
  return { class_name: layer.className, config: { name: layer.name, trainable: layer.trainable, dtype: 'float32' } }
}

function describeCall(inputs: readonly SymbolicTensor[], place: (tensor: SymbolicTensor) => unknown): object {
  const tensors = inputs.map((tensor) => ({
    class_name: '__keras_tensor__',
    config: { shape: tensor.shape, dtype: tensor.dtype, keras_history: place(tensor) },
  }))
  return { args: [oneOrMany(tensors)], kwargs: {} }
}

/** Keras writes a single thing without its list. */
function oneOrMany<T>(list: readonly T[]): T | readonly T[] {
  return list.length === 1 ? list[0]! : list
}
