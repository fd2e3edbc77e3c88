/** @file The order of layers in a model: Keras's own, by depth from the outputs and then by first visit. */
import { RootstockError } from '../errors.ts'
import { input, type Layer, type LayerCall, type SymbolicTensor } from '../layers/index.ts'

export interface Topology {
  /** Calls in an order in which every input is made before it is used. */
  readonly calls: readonly LayerCall[]
  /** The same calls in the order in which Keras runs them: which of two calls of a batch norm comes last shows in its moving statistics. */
  readonly kerasCalls: readonly LayerCall[]
  /** Layers in the order in which Keras lists them (and their weights). */
  readonly layers: readonly Layer[]
  /** Where the model begins behind a layer, that layer is none of its own: as in Keras, an input layer takes its place. */
  readonly standIns: ReadonlyMap<SymbolicTensor, Layer>
}

/** Walks back from the outputs to the inputs. Throws when an output does not depend on the inputs alone or names repeat. */
export function topologyOf(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): Topology {
  const standIns = new Map(inputs.filter(({ call }) => call.inputs.length > 0).map((tensor) => [tensor, standIn(tensor)]))
  const { calls, firstVisit } = visit(inputs, outputs, standIns)
  const { layerDepth: depths, callDepth } = depthsOf(calls)
  for (const tensor of inputs) {
    const layer = standIns.get(tensor) ?? tensor.call.layer
    if (depths.has(layer)) continue
    const readers = calls.filter((call) => call.inputs.includes(tensor))
    depths.set(layer, Math.max(-1, ...readers.map((call) => callDepth.get(call)!)) + 1)
    if (!firstVisit.has(layer)) firstVisit.set(layer, -1)
  }
  const layers = [...depths.keys()].sort((a, b) => depths.get(b)! - depths.get(a)! || firstVisit.get(a)! - firstVisit.get(b)!)
  checkNames(layers)
  const kerasCalls = [...callDepth.keys()].sort((a, b) => callDepth.get(b)! - callDepth.get(a)!)
  return { calls, kerasCalls, layers, standIns }
}

function standIn({ name, shape }: SymbolicTensor): Layer {
  return input({ shape: shape.slice(1), name: `${name}CLONE` }).call.layer
}

/** Depth first, so that calls come out in running order; layers are numbered when they are first met. */
function visit(
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
  standIns: Topology['standIns'],
): { calls: LayerCall[]; firstVisit: Map<Layer, number> } {
  const declared = new Set(inputs)
  const done = new Set<LayerCall>()
  const calls: LayerCall[] = []
  const firstVisit = new Map<Layer, number>()
  const walk = (tensor: SymbolicTensor): void => {
    const { call } = tensor
    if (done.has(call)) return
    const isInput = call.inputs.length === 0
    if (isInput && !declared.has(tensor)) {
      const names = inputs.map(({ name }) => `"${name}"`).join(', ')
      throw new RootstockError(
        'USAGE',
        `Cannot make the model: an output depends on the input "${tensor.name}", which is not among the inputs ${names}`,
      )
    }
    const begins = standIns.get(tensor)
    if (begins) {
      if (!firstVisit.has(begins)) firstVisit.set(begins, firstVisit.size)
      done.add(call)
      return
    }
    if (!firstVisit.has(call.layer)) firstVisit.set(call.layer, firstVisit.size)
    for (const source of call.inputs) walk(source)
    done.add(call)
    calls.push(call)
  }
  for (const output of outputs) walk(output)
  return { calls, firstVisit }
}

/** The longest way from each layer, and from each call, to an output. */
function depthsOf(calls: readonly LayerCall[]): { layerDepth: Map<Layer, number>; callDepth: Map<LayerCall, number> } {
  const callDepth = new Map<LayerCall, number>()
  const layerDepth = new Map<Layer, number>()
  const known = new Set(calls)
  for (const call of [...calls].reverse()) {
    const depth = Math.max(callDepth.get(call) ?? 0, layerDepth.get(call.layer) ?? 0)
    layerDepth.set(call.layer, depth)
    callDepth.set(call, depth)
    for (const { call: source } of call.inputs)
      if (known.has(source)) callDepth.set(source, Math.max(depth + 1, callDepth.get(source) ?? 0))
  }
  return { layerDepth, callDepth }
}

function checkNames(layers: readonly Layer[]): void {
  const seen = new Set<string>()
  for (const { name } of layers) {
    if (seen.has(name))
      throw new RootstockError('USAGE', `Cannot make the model: the name "${name}" is used by two layers`, {
        hint: 'Give one of them another name',
      })
    seen.add(name)
  }
}
