/** @file Operators on blocks as plain ones, so that blocks of any size can be computed on every machine: slowly, for tests. */
import type { Graph, Node, Value } from '../../graph.ts'
import type { OpName } from '../../operators/signatures.ts'
import { add, meanOver, reshape, transpose } from '../../operators/steps.ts'
import type { Tape } from '../../tape.ts'
import { rewrite, type Rewritten } from '../rewrite.ts'

interface Blocks {
  readonly tape: Tape
  /** Channels that lie together. */
  readonly block: number
}

type Plain<K extends OpName> = (blocks: Blocks, node: Node<K>, inputs: readonly (Value | null)[]) => Value

/** What each operator on blocks is in plain ones. */
const rows: { readonly [K in OpName]?: Plain<K> } = {
  ReorderInput: (blocks, { attributes }, [x]) => inBlocks(blocks, attributes.channels_last ? transpose(blocks.tape, x!, [0, 3, 1, 2]) : x!),
  ReorderOutput: (blocks, _, [x]) => inOrder(blocks, x!),
  BlockedMaxPool: (blocks, { attributes }, [x]) => inBlocks(blocks, blocks.tape.op('MaxPool', [inOrder(blocks, x!)], attributes)),
  BlockedAveragePool: (blocks, { attributes }, [x]) => inBlocks(blocks, blocks.tape.op('AveragePool', [inOrder(blocks, x!)], attributes)),
  BlockedGlobalAveragePool: (blocks, _, [x]) => inBlocks(blocks, meanOver(blocks.tape, inOrder(blocks, x!), [2, 3], 1)),
  BlockedConv: convolution,
}

/** The graph with every operator on blocks spelled out: numbers are put in plain order before it, and back into blocks behind it. */
export function spellOutBlocks(graph: Graph, block: number): Rewritten {
  return rewrite(graph, (tape, node, inputs) => {
    const plain = rows[node.op] as Plain<OpName> | undefined
    return plain && [plain({ tape, block }, node, inputs)]
  })
}

/** act(Conv(X, W) + B + Sum) */
function convolution(blocks: Blocks, { attributes }: Node<'BlockedConv'>, [x, w, b, sum]: readonly (Value | null)[]): Value {
  const { tape, block } = blocks
  const { activation, activation_params: [low = 0, high = 0] = [], ...conv } = attributes
  const isPlain = conv.group === 1 && (x!.shape[1] ?? 0) < block
  const y = tape.op('Conv', [isPlain ? x! : inOrder(blocks, x!), kernelInOrder(blocks, w!), b ?? null], conv)
  const all = sum ? add(tape, y, inOrder(blocks, sum)) : y
  if (activation === 'Relu') return inBlocks(blocks, tape.op('Relu', [all], {}))
  return inBlocks(blocks, activation === 'Clip' ? tape.op('Clip', [all, tape.number(low), tape.number(high)], {}) : all)
}

/** From [O/b, C/b, kh, kw, b of C, b of O], where C is smaller than a block from [O/b, C, kh, kw, b of O]: [O,C,kh,kw]. */
function kernelInOrder({ tape, block }: Blocks, kernel: Value): Value {
  const [o = 0, c = 0, kh = 0, kw = 0] = kernel.shape as readonly number[]
  if (c < block)
    return reshape(tape, transpose(tape, reshape(tape, kernel, [o / block, c, kh, kw, block]), [0, 4, 1, 2, 3]), [o, c, kh, kw])
  const split = reshape(tape, kernel, [o / block, c / block, kh, kw, block, block])
  return reshape(tape, transpose(tape, split, [0, 5, 1, 4, 2, 3]), [o, c, kh, kw])
}

/** From [N, C/b, H, W, b] to [N,C,H,W]; how many photos there are may be open. */
function inOrder({ tape, block }: Blocks, value: Value): Value {
  const [n, c, h, w] = known(value)
  return reshape(tape, transpose(tape, reshape(tape, value, [n, c / block, h, w, block]), [0, 1, 4, 2, 3]), [n, c, h, w])
}

/** The way back. */
function inBlocks({ tape, block }: Blocks, value: Value): Value {
  const [n, c, h, w] = known(value)
  return reshape(tape, transpose(tape, reshape(tape, value, [n, c / block, block, h, w]), [0, 1, 3, 4, 2]), [n, c, h, w])
}

function known({ shape }: Value): readonly [number, number, number, number] {
  const [n = -1, c = -1, h = -1, w = -1] = shape.map((size) => size ?? -1)
  return [n, c, h, w]
}
