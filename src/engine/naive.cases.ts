/** @file The operators once more, as plain loops over indices: what the engines' results are compared with. */
import { sizeOf, stridesOf, type Tensor } from '../tensor/index.ts'
import type { Attributes } from '../graph/index.ts'

type Numbers = Tensor<'float32'>
type Index = readonly number[]

/** The number at an index, or 0 outside. */
function at(value: Tensor, index: Index): number {
  const strides = stridesOf(value.shape)
  let offset = 0
  for (let axis = 0; axis < index.length; axis++) {
    const i = index[axis]!
    if (i < 0 || i >= value.shape[axis]!) return 0
    offset += i * strides[axis]!
  }
  return Number(value.data[offset])
}

/** Every index of a shape, last axis fastest. */
export function* indices(shape: Index): Generator<number[]> {
  const strides = stridesOf(shape)
  for (let i = 0; i < sizeOf(shape); i++) yield shape.map((size, axis) => Math.floor(i / strides[axis]!) % size)
}

/** A tensor whose numbers are a function of their index. */
export function build(shape: Index, f: (index: number[]) => number): Numbers {
  return { data: Float32Array.from([...indices(shape)], f), shape, dtype: 'float32' }
}

const sum = (shape: Index, f: (index: number[]) => number): number => [...indices(shape)].reduce((total, index) => total + f(index), 0)

export function conv(x: Numbers, w: Numbers, { strides, pads, dilations, group }: Attributes['Conv'], b?: Numbers): Numbers {
  const [n = 0, , h = 0, width = 0] = x.shape
  const [o = 0, perGroup = 0, kh = 0, kw = 0] = w.shape
  const out = (size: number, k: number, i: number): number =>
    Math.floor((size + pads[i]! + pads[i + 2]! - dilations[i]! * (k - 1) - 1) / strides[i]!) + 1
  return build([n, o, out(h, kh, 0), out(width, kw, 1)], ([photo = 0, channel = 0, p = 0, q = 0]) => {
    const first = Math.floor(channel / (o / group)) * perGroup
    const product = sum([perGroup, kh, kw], ([c = 0, i = 0, j = 0]) => {
      const [y, z] = [p * strides[0]! + i * dilations[0]! - pads[0]!, q * strides[1]! + j * dilations[1]! - pads[1]!]
      return at(w, [channel, c, i, j]) * at(x, [photo, first + c, y, z])
    })
    return product + (b ? at(b, [channel]) : 0)
  })
}

/** Every input number adds its multiple of the kernel to the output. */
export function convTranspose(
  x: Numbers,
  w: Numbers,
  { strides, pads, dilations, group, output_padding }: Attributes['ConvTranspose'],
): Numbers {
  const [n = 0, channels = 0, h = 0, width = 0] = x.shape
  const [, perGroup = 0, kh = 0, kw = 0] = w.shape
  const out = (size: number, k: number, i: number): number =>
    (size - 1) * strides[i]! + dilations[i]! * (k - 1) + 1 - pads[i]! - pads[i + 2]! + output_padding[i]!
  const shape = [n, perGroup * group, out(h, kh, 0), out(width, kw, 1)]
  const steps = stridesOf(shape)
  const data = new Float32Array(sizeOf(shape))
  for (const [photo = 0, c = 0, p = 0, q = 0, m = 0, i = 0, j = 0] of indices([n, channels, h, width, perGroup, kh, kw])) {
    const [y, z] = [p * strides[0]! + i * dilations[0]! - pads[0]!, q * strides[1]! + j * dilations[1]! - pads[1]!]
    if (y < 0 || z < 0 || y >= shape[2]! || z >= shape[3]!) continue
    const channel = Math.floor(c / (channels / group)) * perGroup + m
    data[photo * steps[0]! + channel * steps[1]! + y * steps[2]! + z]! += at(x, [photo, c, p, q]) * at(w, [c, m, i, j])
  }
  return { data, shape, dtype: 'float32' }
}

/** Max: [y, flat places]; the first of equals wins. Average: [y]. */
export function pool(x: Numbers, { kernel_shape, strides, pads }: Attributes['MaxPool'], padded?: 'counted' | 'ignored'): Numbers[] {
  const [n = 0, c = 0, ...spatial] = x.shape
  const [h = 0, w = 0] = spatial
  const out = spatial.map((size, i) => Math.floor((size + pads[i]! + pads[i + 2]! - kernel_shape[i]!) / strides[i]!) + 1)
  const window = ([photo = 0, channel = 0, p = 0, q = 0]: Index): number[] => {
    const places: number[] = []
    for (const [i = 0, j = 0] of indices(kernel_shape)) {
      const [y, z] = [p * strides[0]! + i - pads[0]!, q * strides[1]! + j - pads[1]!]
      if (y >= 0 && z >= 0 && y < h && z < w) places.push(((photo * c + channel) * h + y) * w + z)
    }
    return places
  }
  const shape = [n, c, ...out]
  if (padded) {
    return [
      build(
        shape,
        (index) =>
          window(index).reduce((total, place) => total + x.data[place]!, 0) /
          (padded === 'counted' ? sizeOf(kernel_shape) : window(index).length),
      ),
    ]
  }
  const places = build(shape, (index) => window(index).reduce((best, place) => (x.data[place]! > x.data[best]! ? place : best)))
  return [build(shape, (index) => x.data[at(places, index)]!), places]
}

export function matMul(a: Numbers, b: Numbers, how: { alpha?: number; transA?: 0 | 1; transB?: 0 | 1 } = {}): Numbers {
  const swap = (index: number[], flag?: 0 | 1): number[] => (flag ? [...index.slice(0, -2), index.at(-1)!, index.at(-2)!] : index)
  const [sa, sb] = [swap([...a.shape], how.transA), swap([...b.shape], how.transB)]
  const lead = broadcastShape(sa.slice(0, -2), sb.slice(0, -2))
  return build([...lead, sa.at(-2)!, sb.at(-1)!], (index) => {
    const [i, j] = [index.at(-2)!, index.at(-1)!]
    const term = (k: number): number =>
      at(a, swap([...under(index.slice(0, -2), sa.slice(0, -2)), i, k], how.transA)) *
      at(b, swap([...under(index.slice(0, -2), sb.slice(0, -2)), k, j], how.transB))
    return (how.alpha ?? 1) * sum([sa.at(-1)!], ([k = 0]) => term(k))
  })
}

export function gemm(a: Numbers, b: Numbers, { alpha, beta, transA, transB }: Attributes['Gemm'], c?: Numbers): Numbers {
  const product = matMul(a, b, { alpha, transA, transB })
  return c ? elementwise((p, bias) => p + beta * bias, product, c) : product
}

/** y, and in training mode the moving statistics after the step. */
export function batchNormalization(
  inputs: readonly Numbers[],
  { epsilon, momentum, training_mode }: Attributes['BatchNormalization'],
): Numbers[] {
  const [x, gamma, beta, movingMean, movingVariance] = inputs as [Numbers, Numbers, Numbers, Numbers, Numbers]
  const channels = x.shape[1]!
  const others = x.shape.map((size, axis) => (axis === 1 ? 1 : size))
  const moment = (c: number, f: (value: number) => number): number =>
    sum(others, (index) =>
      f(
        at(
          x,
          index.map((i, axis) => (axis === 1 ? c : i)),
        ),
      ),
    ) / sizeOf(others)
  const batchMean = Array.from({ length: channels }, (_, c) => moment(c, (value) => value))
  const batchVariance = Array.from({ length: channels }, (_, c) => moment(c, (value) => (value - batchMean[c]!) ** 2))
  const [mean, variance] = training_mode ? [batchMean, batchVariance] : [Array.from(movingMean.data), Array.from(movingVariance.data)]
  const y = build(x.shape, (index) => {
    const c = index[1]!
    return (gamma.data[c]! * (at(x, index) - mean[c]!)) / Math.sqrt(variance[c]! + epsilon) + beta.data[c]!
  })
  const moved = (old: Numbers, batch: number[]): Numbers =>
    build([channels], ([c = 0]) => momentum * old.data[c]! + (1 - momentum) * batch[c]!)
  return training_mode ? [y, moved(movingMean, batchMean), moved(movingVariance, batchVariance)] : [y]
}

/** Any function of single numbers, broadcast over its inputs. */
export function elementwise(f: (...values: number[]) => number, ...inputs: readonly Tensor[]): Numbers {
  const shape = inputs.reduce<number[]>((total, value) => broadcastShape(total, value.shape), [])
  return build(shape, (index) => f(...inputs.map((value) => at(value, under(index, value.shape)))))
}

/** A function of all numbers along the given axes. */
export function reduce(x: Numbers, axes: Index, { keepdims }: { keepdims: 0 | 1 }, f: (values: number[]) => number): Numbers {
  const inside = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1))
  const outside = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const result = build(outside, (from) =>
    f(
      [...indices(inside)].map((offset) =>
        at(
          x,
          offset.map((o, axis) => o + from[axis]!),
        ),
      ),
    ),
  )
  return keepdims ? result : { ...result, shape: x.shape.filter((_, axis) => !axes.includes(axis)) }
}

export function softmax(x: Numbers, axis: number, log = false): Numbers {
  return build(x.shape, (index) => {
    const total = sum([x.shape[axis]!], ([i = 0]) =>
      Math.exp(
        at(
          x,
          index.map((own, a) => (a === axis ? i : own)),
        ),
      ),
    )
    return log ? at(x, index) - Math.log(total) : Math.exp(at(x, index)) / total
  })
}

export function transpose(x: Numbers, perm: Index): Numbers {
  return build(
    perm.map((axis) => x.shape[axis]!),
    (index) =>
      at(
        x,
        perm.map((_, axis) => index[perm.indexOf(axis)]!),
      ),
  )
}

export function concat(inputs: readonly Numbers[], axis: number): Numbers {
  const total = inputs.reduce((width, value) => width + value.shape[axis]!, 0)
  return build(
    inputs[0]!.shape.map((size, a) => (a === axis ? total : size)),
    (index) => {
      let i = index[axis]!
      for (const value of inputs) {
        if (i < value.shape[axis]!)
          return at(
            value,
            index.map((own, a) => (a === axis ? i : own)),
          )
        i -= value.shape[axis]!
      }
      return NaN
    },
  )
}

/** Python's slices, axis by axis. */
export function slice(x: Numbers, cuts: readonly { axis: number; start: number; end: number; step: number }[]): Numbers {
  const places = x.shape.map((size, axis) => {
    const cut = cuts.find((candidate) => candidate.axis === axis || candidate.axis === axis - x.shape.length)
    if (!cut) return Array.from({ length: size }, (_, i) => i)
    const [start, end] = [cut.start, cut.end].map((value) => (value < 0 ? value + size : value)) as [number, number]
    const kept: number[] = []
    if (cut.step > 0) for (let i = Math.max(start, 0); i < Math.min(end, size); i += cut.step) kept.push(i)
    else for (let i = Math.min(start, size - 1); i > Math.max(end, -1); i += cut.step) kept.push(i)
    return kept
  })
  return build(
    places.map((kept) => kept.length),
    (index) =>
      at(
        x,
        index.map((i, axis) => places[axis]![i]!),
      ),
  )
}

/** Pads may be negative: they cut. */
export function pad(x: Numbers, pads: Index, fill: number): Numbers {
  const rank = x.shape.length
  return build(
    x.shape.map((size, axis) => size + pads[axis]! + pads[axis + rank]!),
    (index) => {
      const from = index.map((i, axis) => i - pads[axis]!)
      return from.every((i, axis) => i >= 0 && i < x.shape[axis]!) ? at(x, from) : fill
    },
  )
}

export function scatter(data: Numbers, places: Tensor, updates: Numbers, { axis, reduction }: Attributes['ScatterElements']): Numbers {
  const result = Float32Array.from(data.data)
  const strides = stridesOf(data.shape)
  for (const index of indices(updates.shape)) {
    const to = index.map((i, a) => (a === axis ? at(places, index) : i)).reduce((offset, i, a) => offset + i * strides[a]!, 0)
    result[to] = at(updates, index) + (reduction === 'add' ? result[to]! : 0)
  }
  return { data: result, shape: data.shape, dtype: 'float32' }
}

export function broadcastShape(a: Index, b: Index): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const [x = 1, y = 1] = [a[i - rank + a.length], b[i - rank + b.length]]
    return x === 1 ? y : x
  })
}

/** The index into a smaller shape that an index into the broadcast one reads. */
const under = (index: Index, shape: Index): number[] =>
  shape.map((size, axis) => (size === 1 ? 0 : index[index.length - shape.length + axis]!))
