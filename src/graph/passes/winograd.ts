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
 * taps, each of the 16 products a 1×1 convolution, and Y comes as four pictures, one for each place in a tile: the phases (phases.ts). What looks
 * at one pixel at a time works on phases, and the next such convolution reads them, so that they are never put together.
 *
 * After Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015). Tiles of 4×4 outputs would save more products; on two threads
 * the additions took what that saved (docs/performance.md).
 */
import type { Graph, Node, Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import { add } from '../operators/steps.ts'
import type { Tape } from '../tape.ts'
import { pointwise } from './blocked/convolutions.ts'
import { floatsOf, isWeight, partsOf } from './floats.ts'
import { joined, leftPhases, nodesInPhases, onPhases, type Phases } from './phases.ts'
import { rewrite, type Rewritten } from './rewrite.ts'
import { winogradKernels } from './winograd-kernels.ts'
import { scaled, tilesOf } from './winograd-tiles.ts'

/** Where C·O/(C + O) is less, with C channels in and O out, moving numbers about costs what is saved. */
const LEAST_CHANNELS = 40

/** Whether `winograd` finds anything to rewrite. */
export function suitsWinograd(graph: Graph, block: number): boolean {
  return nodesInPhases(graph, (node) => suits(graph, node, block)).size > 0
}

/** Rewrites convolutions whose results only nodes read that can read phases. `block`: channels that the engine takes together. */
export function winograd(graph: Graph, block: number): Rewritten {
  const chosen = block > 0 ? nodesInPhases(graph, (node) => suits(graph, node, block)) : new Set<Node>()
  if (chosen.size === 0) return { graph, at: (old) => old }
  const numbers = (weight: Value): Float32Array => floatsOf(graph, weight)!
  const apart = new Map<Value | null, Phases>()
  return rewrite(graph, (tape, node, inputs) => {
    const [x, , bias = null] = inputs
    const phases = apart.get(node.inputs[0] ?? null)
    if (!chosen.has(node)) return phases ? [leftPhases(tape, node, { phases, inputs, numbers })] : undefined
    const made =
      x && suits(graph, node, block)
        ? convolved(tape, graph, { node, phases: phases ?? [[x]], bias })
        : onPhases(tape, node, { inputs, known: (i) => apart.get(node.inputs[i] ?? null) })
    const [y] = node.outputs
    apart.set(y!, made)
    // The first phase stands for all of them; readers are given all.
    return [graph.outputs.includes(y!) ? joined(tape, made) : made[0]![0]!]
  })
}

function suits(graph: Graph, { op, inputs: [x, w], attributes }: Node, block: number): boolean {
  if (op !== 'Conv') return false
  const [, c, height, width] = x?.shape ?? []
  const [o, , ...kernel] = w?.shape ?? []
  if (!w || !c || !o || !height || !width || c % block || o % block || height % 2 || width % 2) return false
  const { group, strides, dilations, pads } = attributes as Attributes['Conv']
  const isPlain = group === 1 && [...strides, ...dilations, ...pads].every((size) => size === 1) && kernel.join() === '3,3'
  return isPlain && (c * o) / (c + o) >= LEAST_CHANNELS && isWeight(graph, w)
}

interface Convolution {
  readonly node: Node
  readonly phases: Phases
  readonly bias: Value | null
}

function convolved(tape: Tape, graph: Graph, { node: { inputs, name }, phases, bias }: Convolution): Phases {
  const kernel = inputs[1]!
  const tiles = tilesOf(tape, phases)
  const kernels = winogradKernels(tape, { kernel, numbers: () => partsOf(graph, kernel), name })
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
