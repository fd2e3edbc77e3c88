/** @file What each operator becomes on blocks. Operators without a row here, and rows that give nothing, get their inputs in plain order. */
import type { Node, Value } from '../../graph.ts'
import type { OpName } from '../../operators/signatures.ts'
import { sizes } from '../../operators/shapes.ts'
import { neg } from '../../operators/steps.ts'
import type { Layouts } from './layouts.ts'
import { convolution, normalization, activated, clip, summed, averagePool, maxPool } from './convolutions.ts'
import { elementwise, between, perChannel } from './elementwise.ts'
import { reduction } from './reductions.ts'
import { reshaped, transposed, concatenation, slice, padding, insertedZeros } from './movements.ts'
import { transposedConvolution } from './transposed-convolutions.ts'

/** What stands for the node's first output, marked where it lies in blocks; undefined for the node as it was. */
export type Rule<K extends OpName> = (layouts: Layouts, node: Node<K>, inputs: readonly (Value | null)[]) => Value | undefined

export const rules: { readonly [K in OpName]?: Rule<K> } = {
  Conv: convolution,
  BatchNormalization: normalization,
  Relu: (layouts, node, inputs) => activated(layouts, inputs[0]!, { activation: 'Relu' }) ?? elementwise(layouts, node, inputs),
  Clip: clip,
  HardSigmoid: elementwise,
  Neg: elementwise,
  Add: (layouts, node, inputs) =>
    summed(layouts, inputs) ??
    elementwise(layouts, node, inputs) ??
    perChannel(layouts, inputs, (_, v) => [layouts.tape.number(1, sizes(v)), v]),
  Sub: (layouts, node, inputs) =>
    elementwise(layouts, node, inputs) ?? perChannel(layouts, inputs, (tape, v) => [layouts.tape.number(1, sizes(v)), neg(tape, v)]),
  Mul: (layouts, node, inputs) =>
    between(layouts, inputs) ??
    elementwise(layouts, node, inputs) ??
    perChannel(layouts, inputs, (_, v) => [v, layouts.tape.number(0, sizes(v))]) ??
    perChannel(layouts, [inputs[1]!, inputs[0]!], (_, v) => [v, layouts.tape.number(0, sizes(v))]),
  ReduceMean: (layouts, node, inputs) => reduction(layouts, node, inputs, 'ReduceMean'),
  ReduceSum: (layouts, node, inputs) => reduction(layouts, node, inputs, 'ReduceSum'),
  Reshape: reshaped,
  Transpose: transposed,
  Concat: concatenation,
  Slice: slice,
  Pad: padding,
  ConvTranspose: (layouts, node, inputs) => insertedZeros(layouts, node, inputs) ?? transposedConvolution(layouts, node, inputs),
  AveragePool: averagePool,
  MaxPool: maxPool,
}

/** Rules that need not know how many photos there are. */
export const anyBatch: ReadonlySet<OpName> = new Set([
  'Conv',
  'BatchNormalization',
  'Relu',
  'Clip',
  'Add',
  'Concat',
  'MaxPool',
  'AveragePool',
  'ReduceMean',
])
