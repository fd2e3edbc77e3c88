/**
 * @file 3×3 convolutions by Winograd's F(2×2, 3×3): a tile of 2×2 outputs costs 16 products for each pair of channels instead of 36.
 *
 *     Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A        d: 4×4 inputs, g: 3×3 kernel, Y: 2×2 outputs
 *
 *          1  0 −1  0             1    0    0
 *     Bᵀ = 0  1  1  0        G =  ½    ½    ½        Aᵀ = 1  1  1  0
 *          0 −1  1  0             ½   −½    ½             0  1 −1  1
 *          0 −1  0  1             0    0    1
 *
 * All tiles together are the pixels of a picture of half the height and width. Each number of Bᵀ d B is then a depthwise convolution with few
 * taps, each of the 16 products a 1×1 convolution, and Y comes as four pictures, one for each place in a tile: the phases. Relu works on phases,
 * a 2×2 pool is the largest of them, and the next such convolution reads them, so that they are never put together.
 *
 * After Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015). Tiles of 4×4 outputs would save more products; on two threads
 * the additions took what that saved (docs/performance.md).
 */
import { consumers, type Graph, type Node, type Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import { add } from '../operators/steps.ts'
import type { Tape } from '../tape.ts'
import { pointwise } from './blocked/convolutions.ts'
import { floatsOf } from './floats.ts'
import { rewrite, type Rewritten } from './rewrite.ts'
import { winogradKernels } from './winograd-kernels.ts'
import { scaled, tilesOf, type Phases } from './winograd-tiles.ts'

/** Where C·O/(C + O) is less, with C channels in and O out, moving numbers about costs what is saved. */
const LEAST_CHANNELS = 40

/** Rewrites the convolutions from which only Relu, 2×2 pools and other rewritten convolutions read. `block`: channels that the engine takes together. */
export function winograd(graph: Graph, block: number): Rewritten {
  const chosen = block > 0 ? choose(graph, block) : new Set<Node>()
  if (chosen.size === 0) return { graph, at: (old) => old }
  // Phase [0][0] stands for all of them where values are looked up.
  const apart = new Map<Value, Phases>()
  const known = (phases: Phases): readonly Value[] => {
    const first = phases[0]![0]!
    apart.set(first, phases)
    return [first]
  }
  return rewrite(graph, (tape, node, [x, , bias]) => {
    if (!x) return undefined
    const phases = apart.get(x)
    if (chosen.has(node)) return known(convolved(tape, graph, { node, phases: phases ?? [[x]], bias: bias ?? null }))
    if (!phases) return undefined
    if (node.op === 'Relu') return known(phases.map((row) => row.map((phase) => tape.op('Relu', [phase], {}))))
    return [tape.op('Max', phases.flat(), {})]
  })
}

/** From the end: whether a result may stay in phases depends on who reads it. */
function choose(graph: Graph, block: number): Set<Node> {
  const chosen = new Set<Node>()
  const readers = consumers(graph)
  const outputs = new Set(graph.outputs)
  const mayStayApart = (value: Value): boolean => {
    const own = readers.get(value) ?? []
    return !outputs.has(value) && own.length > 0 && own.every(readsPhases)
  }
  const readsPhases = (node: Node): boolean =>
    chosen.has(node) || isHalvingPool(node) || (node.op === 'Relu' && mayStayApart(node.outputs[0]!))
  for (const node of graph.nodes.toReversed())
    if (node.op === 'Conv' && suits(graph, node as Node<'Conv'>, block) && mayStayApart(node.outputs[0]!)) chosen.add(node)
  return chosen
}

function suits(graph: Graph, { inputs: [x, w], attributes }: Node<'Conv'>, block: number): boolean {
  const [, c, height, width] = x?.shape ?? []
  const [o, , ...kernel] = w?.shape ?? []
  if (!w || !c || !o || !height || !width || c % block || o % block || height % 2 || width % 2) return false
  const { group, strides, dilations, pads } = attributes
  const isPlain = group === 1 && [...strides, ...dilations, ...pads].every((size) => size === 1) && kernel.join() === '3,3'
  return isPlain && (c * o) / (c + o) >= LEAST_CHANNELS && (graph.constants.has(w) || graph.parameters.has(w))
}

/** 2×2 without overlap or padding. */
function isHalvingPool(node: Node): boolean {
  if (node.op !== 'MaxPool') return false
  const { kernel_shape, strides, pads } = node.attributes as Attributes['MaxPool']
  return [...kernel_shape, ...strides].every((size) => size === 2) && pads.every((size) => size === 0)
}

interface Convolution {
  readonly node: Node
  readonly phases: Phases
  readonly bias: Value | null
}

function convolved(tape: Tape, graph: Graph, { node: { inputs, name }, phases, bias }: Convolution): Phases {
  const kernel = inputs[1]!
  const tiles = tilesOf(tape, phases)
  const kernels = winogradKernels(tape, { kernel, numbers: () => floatsOf(graph, kernel)!, name })
  const product = (r: number, s: number): Value =>
    // Column 1 of Aᵀ is all ones: what is added to product [1][1] comes once into each output.
    tape.op('Conv', [tiles(r, s), kernels(r, s), r === 1 && s === 1 ? bias : null], { ...pointwise, group: 1 }, `${name}/${r}${s}`)
  const columns = [0, 1, 2, 3].map((s) => gathered(tape, (r) => product(r, s)))
  return [0, 1].map((i) => gathered(tape, (s) => columns[s]![i]!))
}

/** Aᵀ along one axis. */
function gathered(tape: Tape, m: (i: number) => Value): readonly [Value, Value] {
  const second = m(2)
  const sum = add(tape, m(1), second)
  const difference = add(tape, scaled(tape, second, -2), sum)
  return [add(tape, m(0), sum), add(tape, m(3), difference)]
}
