/** @file Pooling windows over [N,C,H,W]. */
import type { ShapeContext, Operator } from './operator.ts'
import type { Tape } from '../tape.ts'
import type { Value, ValueType } from '../graph.ts'
import type { PoolAttributes } from './signatures.ts'
import { input, ranked, sizes, windowed } from './shapes.ts'
import { expand, insertZeros, mul, reshape, scale } from './steps.ts'

/** The second output holds where each maximum was found, counted through the whole input; among equals the first wins. */
export const MaxPool: Operator<'MaxPool'> = {
  inputs: ['X'],
  attributes: { kernel_shape: 'ints', strides: 'ints', pads: 'ints' },
  shape(context) {
    const y = pooled(context)
    return [y, { shape: y.shape, dtype: 'int64' }]
  },
  gradient: {
    // dL/dx[q] = Σ over the windows whose maximum lies at q of dy. Windows of one pixel pick pixels: the others get 0.
    X({ tape, inputs: [x], outputs, attributes: { kernel_shape, strides, pads }, dy }) {
      const shape = sizes(x!)
      if ([...kernel_shape, ...pads.map((pad) => pad + 1)].every((size) => size === 1))
        return insertZeros(tape, dy, strides, shape.slice(2))
      const flat = shape.reduce((product, size) => product * size, 1)
      const count = sizes(dy).reduce((product, size) => product * size, 1)
      const nothing = expand(tape, tape.number([0]), [flat])
      const places = reshape(tape, outputs[1]!, [count])
      const scattered = tape.op('ScatterElements', [nothing, places, reshape(tape, dy, [count])], { axis: 0, reduction: 'add' })
      return reshape(tape, scattered, shape)
    },
  },
}

export const AveragePool: Operator<'AveragePool'> = {
  inputs: ['X'],
  attributes: { kernel_shape: 'ints', strides: 'ints', pads: 'ints', count_include_pad: 'int' },
  shape: (context) => [pooled(context)],
  gradient: {
    // dL/dx[q] = Σ over the windows that hold q of dy/count: spread evenly, the adjoint of summing.
    X({ tape, inputs: [x], attributes, dy }) {
      const { kernel_shape, strides, pads } = attributes
      const share = mul(tape, dy, reciprocalCounts(tape, x!, attributes))
      const [kh = 1, kw = 1] = kernel_shape
      const symmetric = pads.every((pad, i) => pad * 2 === kernel_shape[i % 2]! - 1)
      if (symmetric && strides.every((s) => s === 1)) {
        const mean = tape.op('AveragePool', [share], { kernel_shape, strides, pads, count_include_pad: 1 })
        return scale(tape, mean, kh * kw)
      }
      const [, c = 0, h = 0, w = 0] = sizes(x!)
      const [, , ho = 0, wo = 0] = sizes(dy)
      const output_padding = [
        h - ((ho - 1) * strides[0]! + kh - pads[0]! - pads[2]!),
        w - ((wo - 1) * strides[1]! + kw - pads[1]! - pads[3]!),
      ]
      const ones = tape.number(1, [c, 1, kh, kw])
      return tape.op('ConvTranspose', [share, ones], { strides, pads, dilations: [1, 1], group: c, output_padding })
    },
  },
}

/** 1 / (values that each window averages), [1,1,H',W']. */
function reciprocalCounts(tape: Tape, x: Value, attributes: PoolAttributes & { count_include_pad: 0 | 1 }): Value {
  const { kernel_shape, strides, pads, count_include_pad } = attributes
  const counts = [0, 1].map((i) => {
    const size = sizes(x)[i + 2]!
    const out = windowed(size, { kernel: kernel_shape[i]!, stride: strides[i]!, dilation: 1, before: pads[i]!, after: pads[i + 2]! }) ?? 0
    return Array.from({ length: out }, (_, o) => {
      const start = o * strides[i]! - pads[i]!
      return count_include_pad ? kernel_shape[i]! : Math.min(size, start + kernel_shape[i]!) - Math.max(0, start)
    })
  })
  const [rows = [], columns = []] = counts
  return tape.number(
    rows.flatMap((r) => columns.map((c) => 1 / (r * c))),
    [1, 1, rows.length, columns.length],
  )
}

function pooled<K extends 'MaxPool' | 'AveragePool'>(context: ShapeContext<K>): ValueType {
  const x = input(context, 0)
  const [n, c, ...spatial] = ranked(x, 4, 'X')
  const { kernel_shape, strides, pads } = context.attributes
  const out = spatial.map((size, i) =>
    windowed(size, { kernel: kernel_shape[i]!, stride: strides[i]!, dilation: 1, before: pads[i]!, after: pads[i + 2]! }),
  )
  return { shape: [n ?? null, c ?? null, ...out], dtype: x.dtype }
}
