/** @file The graph of an artifact: from the bytes of a photo, 0 to 255, to probabilities; preprocessing is part of it. */
import { RootstockError } from '../../errors.ts'
import { createTape, replay, type Graph, type Tape, type Value } from '../../graph/index.ts'
import { preprocessSteps, type PreprocessMode } from '../../image/index.ts'
import { showShape } from '../../tensor/index.ts'

/** The input of every artifact: float32 [N, height, width, 3], red first, 0 to 255. */
export const inputName = 'photo'
/** The output of every artifact: float32 [N, classes]. */
export const outputName = 'probabilities'

/**
 * Puts the arithmetic of a mode in front of a network with one input and one output. `spoilsAlike` for a network in 8 bits, which makes some
 * number of a NaN: the answer to a photo with one is NaN, as in `predict`. Throws SHAPE for other networks.
 */
export function photoGraph(network: Graph, mode: PreprocessMode, spoilsAlike = false): Graph {
  const [input, ...otherInputs] = network.inputs
  const [output, ...otherOutputs] = network.outputs
  if (!input || !output || otherInputs.length > 0 || otherOutputs.length > 0 || output.shape.length !== 2) {
    const found = `${network.inputs.length} inputs and outputs ${network.outputs.map(({ shape }) => showShape(shape)).join(', ')}`
    throw new RootstockError('SHAPE', `Cannot make a classifier: the network has ${found}, expected one picture in and [N,classes] out`)
  }
  const tape = createTape({ ...network, inputs: [], outputs: [], nodes: [] })
  const photo = tape.input(inputName, { shape: input.shape, dtype: 'float32' })
  const at = replay(tape, network.nodes, new Map([[input, prepared(tape, photo, mode)]]))
  const probabilities = spoilsAlike ? tape.op('Add', [at(output), zeroOrNaN(tape, photo)], {}, 'spoilt') : at(output)
  return withOutputName(tape.graph([probabilities]), outputName)
}

/** 0 · Σ photo, [N,1]: adding it changes no probability unless a number of the photo is not finite. */
function zeroOrNaN(tape: Tape, photo: Value): Value {
  const rows = tape.op('ReduceSum', [photo, tape.integers([2, 3])], { keepdims: 0 }, 'spoilt/rows')
  return tape.op(
    'Mul',
    [tape.op('ReduceSum', [rows, tape.integers([1])], { keepdims: 1 }, 'spoilt/sum'), tape.number(0)],
    {},
    'spoilt/zero',
  )
}

// The same arithmetic in the same order as `preprocess`: (x / divisor − mean) / deviation.
function prepared(tape: Tape, photo: Value, mode: PreprocessMode): Value {
  const { from, divisor, mean, deviation } = preprocessSteps(mode)
  let x = from[0] === 0 ? photo : reversedChannels(tape, photo)
  const row = (values: readonly number[]): Value => tape.number(values, [1, 1, 1, 3])
  if (divisor !== 1) x = tape.op('Div', [x, tape.number(divisor)], {}, 'preprocess/divisor')
  if (mean.some((value) => value !== 0)) x = tape.op('Sub', [x, row(mean)], {}, 'preprocess/mean')
  if (deviation.some((value) => value !== 1)) x = tape.op('Div', [x, row(deviation)], {}, 'preprocess/deviation')
  return x
}

function reversedChannels(tape: Tape, photo: Value): Value {
  const channels = [2, 1, 0].map((c) => {
    const [start, end, axes, steps] = [[c], [c + 1], [3], [1]].map((values) => tape.integers(values))
    return tape.op(
      'Slice',
      [photo, start, end, axes, steps].map((value) => value ?? null),
      {},
      `preprocess/channel_${c}`,
    )
  })
  return tape.op('Concat', channels, { axis: 3 }, 'preprocess/reversed')
}

function withOutputName(graph: Graph, name: string): Graph {
  const [last] = graph.outputs
  if (!last) return graph
  const renamed = { ...last, name }
  const at = <V extends Value | null>(value: V): V => (value === last ? renamed : value) as V
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(at), outputs: node.outputs.map(at) }))
  return { ...graph, nodes, outputs: [renamed] }
}
