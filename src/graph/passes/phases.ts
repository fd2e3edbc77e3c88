/**
 * @file Pictures in phases: four pictures of half the height and width, of which [i][j] has the rows i, i + 2, i + 4, … and the columns
 * j, j + 2, …. What looks at one pixel at a time works on each of them as on the whole; some nodes that halve a picture read phases and make a
 * whole one again, for nothing.
 */
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import type { Tape } from '../tape.ts'
import { add } from '../operators/steps.ts'
import { pointwise } from './blocked/convolutions.ts'
import { isWeight } from './floats.ts'

/** A picture in parts: one part is the picture itself; of 2×2 parts, [i][j] is a phase. */
export type Phases = readonly (readonly Value[])[]

/**
 * The nodes that make phases: those that `isMaker` names, as far as all who read them read phases, and those between them that work on single
 * pixels. Outputs of the graph are put together again.
 */
export function nodesInPhases(graph: Graph, isMaker: (node: Node) => boolean): Set<Node> {
  const possible = new Set<Node>()
  const readers = consumers(graph)
  for (const node of graph.nodes.toReversed()) {
    const [y] = node.outputs
    const own = (y && readers.get(y)) ?? []
    const isRead = own.every((reader) => possible.has(reader) || halves(graph, reader))
    if (isRead && (isMaker(node) || picturesOf(node) > 0)) possible.add(node)
  }
  // Where no phases come in, nothing is gained by taking a picture apart.
  const chosen = new Set<Node>()
  const inPhases = new Set<Value>()
  for (const node of graph.nodes) {
    if (!possible.has(node) || !(isMaker(node) || node.inputs.slice(0, picturesOf(node)).some((x) => x && inPhases.has(x)))) continue
    chosen.add(node)
    inPhases.add(node.outputs[0]!)
  }
  return chosen
}

/** How many of a node's first inputs are pictures that it reads pixel by pixel; 0 for nodes that look at several pixels. */
export function picturesOf(node: Node): number {
  const [x, second] = node.inputs
  if (x?.shape.length !== 4) return 0
  if (node.op === 'Relu') return 1
  if (node.op === 'BatchNormalization') return (node.attributes as Attributes['BatchNormalization']).training_mode === 0 ? 1 : 0
  if (node.op === 'Add') return second?.shape.join() === x.shape.join() ? 2 : 0
  return isPointwise(node, 1) ? 1 : 0
}

/** Nodes with steps of two that make a whole picture of phases. */
function halves(graph: Graph, node: Node): boolean {
  const [x, w] = node.inputs
  if (x?.shape.length !== 4 || !isEven(x.shape[2]) || !isEven(x.shape[3])) return false
  if (isPointwise(node, 2)) return true
  if (node.op === 'Conv') {
    const { group, strides, dilations, pads } = node.attributes as Attributes['Conv']
    const isAround = w?.shape.slice(2).join() === '3,3' && [...pads, ...dilations, group].every((size) => size === 1)
    const isKnown = w != null && isWeight(graph, w)
    return isAround && isKnown && strides.every((step) => step === 2)
  }
  if (node.op !== 'MaxPool') return false
  const { kernel_shape, strides, pads } = node.attributes as Attributes['MaxPool']
  return strides.every((step) => step === 2) && pads.every((size) => size === 0) && ['1,1', '2,2'].includes(kernel_shape.join())
}

function isEven(size: number | null | undefined): boolean {
  return typeof size === 'number' && size % 2 === 0
}

/** A 1×1 convolution without padding. */
export function isPointwise({ op, inputs, attributes }: Node, stride: 1 | 2): boolean {
  if (op !== 'Conv' || inputs[1]?.shape.slice(2).join() !== '1,1') return false
  const { strides, pads } = attributes as Attributes['Conv']
  return strides.every((step) => step === stride) && pads.every((size) => size === 0)
}

/** What a node of `halves` makes of phases. A 2×2 pool is the largest of them; windows of one pixel see the first only. */
export function leftPhases(
  tape: Tape,
  { op, attributes, name }: Node,
  { phases, inputs, numbers }: { readonly phases: Phases; readonly inputs: readonly (Value | null)[]; readonly numbers: Numbers },
): Value {
  const [, w, bias = null] = inputs
  const first = phases[0]![0]!
  if (op === 'MaxPool') return (attributes as Attributes['MaxPool']).kernel_shape[0] === 1 ? first : tape.op('Max', phases.flat(), {})
  const { group } = attributes as Attributes['Conv']
  if (!w || w.shape[2] === 1) return tape.op('Conv', [first, w ?? null, bias], { ...pointwise, group }, name)
  const parts = PLACES.map(([i, j]) =>
    tapsOf(tape, { x: phases[i]![j]!, w, numbers, place: [i, j], bias: i + j === 0 ? bias : null, name }),
  )
  return parts.reduce((sum, part) => add(tape, sum, part))
}

const PLACES = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const

/** The numbers of a weight. */
type Numbers = (weight: Value) => Float32Array

interface Taps {
  readonly x: Value
  readonly w: Value
  readonly numbers: Numbers
  readonly place: readonly [0 | 1, 0 | 1]
  readonly bias: Value | null
  readonly name: string
}

/**
 * What one phase gives to a 3×3 convolution with steps of two: the pixels before and after the middle are those of the second phase, one
 * step back and none; the middle is that of the first.
 */
function tapsOf(tape: Tape, { x, w, numbers, place, bias, name }: Taps): Value {
  const [o = 0, c = 0] = w.shape as number[]
  const [rows, columns] = place.map((odd) => (odd ? [0, 2] : [1])) as [number[], number[]]
  const shape = [o, c, rows.length, columns.length]
  const picked = (): Float32Array => {
    const all = numbers(w)
    const places = rows.flatMap((row) => columns.map((column) => 3 * row + column))
    return Float32Array.from(
      { length: o * c * places.length },
      (_, i) => all[Math.floor(i / places.length) * 9 + places[i % places.length]!]!,
    )
  }
  const kernel = tape.parameter(`${name}/taps_${place.join('')}`, { shape, dtype: 'float32' }, () => ({
    data: picked(),
    shape,
    dtype: 'float32',
  }))
  return tape.op('Conv', [x, kernel, bias], { ...pointwise, group: 1, pads: [...place, 0, 0] }, `${name}/${place.join('')}`)
}

interface Inputs {
  readonly inputs: readonly (Value | null)[]
  /** The phases that an input lies in already. */
  readonly known: (input: number) => Phases | undefined
}

/** A node that works on single pixels, on each phase. Weights are the same for all. */
export function onPhases(tape: Tape, node: Node, { inputs, known }: Inputs): Phases {
  const pictures = picturesOf(node)
  const parts = inputs.map((value, i) => (value && i < pictures ? (known(i) ?? phasesOf(tape, value)) : value))
  const at = (i: number, j: number): (Value | null)[] => parts.map((part) => (part && !('dtype' in part) ? part[i]![j]! : part))
  return [0, 1].map((i) => [0, 1].map((j) => tape.op(node.op, at(i, j), node.attributes, `${node.name}/${i}${j}`)))
}

/** A whole picture in phases. A convolution that picks pixels keeps the engine's blocks; slices do not. */
function phasesOf(tape: Tape, x: Value): Phases {
  const pick = (place: number): Value => {
    const weights = [0, 1, 2, 3].map((at) => (at === place ? 1 : 0))
    return depthwise(tape, x, { weights, kernel: [2, 2] }, { ...pointwise, strides: [2, 2] })
  }
  return [
    [pick(0), pick(1)],
    [pick(2), pick(3)],
  ]
}

interface Kernel {
  readonly weights: readonly number[]
  readonly kernel: readonly number[]
}

/** The same small kernel for each channel. */
export function depthwise(tape: Tape, x: Value, { weights, kernel }: Kernel, attributes: Omit<Attributes['Conv'], 'group'>): Value {
  const channels = x.shape[1] ?? 0
  const data = Float32Array.from({ length: channels * weights.length }, (_, i) => weights[i % weights.length]!)
  const constant = tape.constant({ data, shape: [channels, 1, ...kernel], dtype: 'float32' })
  return tape.op('Conv', [x, constant, null], { ...attributes, group: channels })
}

/** Phases [N,C,h,w] as one picture [N,C,2h,2w]. */
export function joined(tape: Tape, phases: Phases): Value {
  const [, c = 0, h = 0, w = 0] = phases[0]![0]!.shape as number[]
  const apart = tape.op('Reshape', [tape.op('Concat', phases.flat(), { axis: 1 }), tape.integers([-1, 2, 2, c, h, w])], {})
  const turned = tape.op('Transpose', [apart], { perm: [0, 3, 4, 1, 5, 2] })
  return tape.op('Reshape', [turned, tape.integers([-1, c, 2 * h, 2 * w])], {})
}
