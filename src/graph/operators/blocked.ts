/**
 * @file ONNX Runtime's own operators on blocked channels: a value [N,C,H,W] lies in memory as [N, C/b, H, W, b], with b channels of one
 * pixel side by side. Shapes are stated as if nothing had moved. C and the outgoing channels must be multiples of b, which is the
 * processor's choice (16 with AVX-512); a convolution may read fewer channels than b in plain order.
 */
import type { Dim } from '../../tensor/index.ts'
import type { ValueType } from '../graph.ts'
import type { Operator, ShapeContext } from './operator.ts'
import { input, ranked, sameAsFirst, windowed } from './shapes.ts'

const later = { none: 'the layout is chosen after the gradients have been written' }
const domain = 'com.microsoft.nchwc'

/** act(Conv(X, W) + B + Sum). Kernels lie as [O/b, C/b, kh, kw, b of C, b of O]; depthwise ones as [C/b, kh, kw, b]. */
export const BlockedConv: Operator<'BlockedConv'> = {
  inputs: ['X', 'W', 'B', 'Sum'],
  domain,
  onnxName: 'Conv',
  attributes: {
    strides: 'ints',
    pads: 'ints',
    dilations: 'ints',
    group: 'int',
    activation: 'string',
    activation_params: 'floats',
  },
  shape(context) {
    const x = input(context, 0)
    const [n, c, ...spatial] = ranked(x, 4, 'X')
    const [o, perGroup, ...kernel] = ranked(input(context, 1), 4, 'W')
    const { strides, pads, dilations, group } = context.attributes
    if (c !== (perGroup ?? 0) * group) throw new Error(`X has ${c} channels, W expects ${(perGroup ?? 0) * group}`)
    const out = spatial.map((size, i) =>
      windowed(size, { kernel: kernel[i] ?? 1, stride: strides[i]!, dilation: dilations[i]!, before: pads[i]!, after: pads[i + 2]! }),
    )
    return [{ shape: [n ?? null, o ?? null, ...out], dtype: x.dtype }]
  },
  gradient: { X: later, W: later, B: later, Sum: later },
}

export const BlockedAveragePool: Operator<'BlockedAveragePool'> = {
  inputs: ['X'],
  domain,
  onnxName: 'AveragePool',
  attributes: { kernel_shape: 'ints', strides: 'ints', pads: 'ints', count_include_pad: 'int' },
  shape: windows,
  gradient: { X: later },
}

export const BlockedMaxPool: Operator<'BlockedMaxPool'> = {
  inputs: ['X'],
  domain,
  onnxName: 'MaxPool',
  attributes: { kernel_shape: 'ints', strides: 'ints', pads: 'ints' },
  shape: windows,
  gradient: { X: later },
}

export const BlockedGlobalAveragePool: Operator<'BlockedGlobalAveragePool'> = {
  inputs: ['X'],
  domain,
  onnxName: 'GlobalAveragePool',
  attributes: {},
  shape: (context) => pooled(input(context, 0), () => 1),
  gradient: { X: later },
}

/** From plain order to blocks; with `channels_last` X is [N,H,W,C], and the result, as always, [N,C,H,W]. */
export const ReorderInput: Operator<'ReorderInput'> = {
  inputs: ['X'],
  domain,
  attributes: { channels_last: 'int' },
  shape(context) {
    const { shape, dtype } = input(context, 0)
    const [n = null, h = null, w = null, c = null] = shape
    return [{ shape: context.attributes.channels_last ? [n, c, h, w] : shape, dtype }]
  },
  gradient: { X: later },
}

/** From blocks to plain order. */
export const ReorderOutput: Operator<'ReorderOutput'> = {
  inputs: ['X'],
  domain,
  attributes: { channels: 'int' },
  shape: sameAsFirst,
  gradient: { X: later },
}

function windows<K extends 'BlockedAveragePool' | 'BlockedMaxPool'>(context: ShapeContext<K>): ValueType[] {
  const { kernel_shape, strides, pads } = context.attributes
  return pooled(input(context, 0), (size, i) =>
    windowed(size, { kernel: kernel_shape[i]!, stride: strides[i]!, dilation: 1, before: pads[i]!, after: pads[i + 2]! }),
  )
}

function pooled(x: ValueType, size: (of: Dim, axis: number) => Dim): ValueType[] {
  const [n, c, ...spatial] = ranked(x, 4, 'X')
  return [{ shape: [n ?? null, c ?? null, ...spatial.map(size)], dtype: x.dtype }]
}
