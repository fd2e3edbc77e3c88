/** @file The plain value that crosses every border of the package: numbers, their shape, their type. */
import { RootstockError } from '../errors.ts'

/** One array type per element type. float16 travels as its 16 bits; bool as one byte. */
export interface TensorData {
  /** The type of all computing. */
  float32: Float32Array
  /** Half floats as their bits. */
  float16: Uint16Array
  /** Labels. */
  int32: Int32Array
  /** ONNX's shapes and indices. */
  int64: BigInt64Array
  /** Quantized features. */
  uint8: Uint8Array
  /** Quantized weights. */
  int8: Int8Array
  /** 0 or 1. */
  bool: Uint8Array
}

/** Element types, spelled as in ONNX and NumPy. */
export type DType = keyof TensorData

/** Sizes of a tensor, outermost first. */
export type Shape = readonly number[]

/** A dimension of a value that is not computed yet: a size, or null where it is known only at run time (Keras's None). */
export type Dim = number | null

/** `data` in C order (last axis fastest). Any object of this form is a tensor; no constructor is needed. */
export interface Tensor<D extends DType = DType> {
  /** The numbers, last axis fastest. */
  readonly data: TensorData[D]
  /** Sizes of the axes; none for a single number. */
  readonly shape: Shape
  /** Type of the numbers. */
  readonly dtype: D
}

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** "[2,3]" or, with unknown sizes, "[null,3]". */
export function showShape(shape: readonly Dim[]): string {
  return `[${shape.map((size) => String(size)).join(',')}]`
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}

/** A float32 tensor of the given values; the shape defaults to one axis. */
export function tensor(values: Float32Array | readonly number[], shape?: Shape): Tensor<'float32'> {
  const data = values instanceof Float32Array ? values : Float32Array.from(values)
  const dims = shape ?? [data.length]
  if (sizeOf(dims) !== data.length) {
    throw new RootstockError('SHAPE', `Cannot make a tensor: ${data.length} values do not fill shape ${showShape(dims)}`)
  }
  return { data, shape: dims, dtype: 'float32' }
}

/** A float32 tensor of zeros. */
export function zeros(shape: Shape): Tensor<'float32'> {
  return { data: new Float32Array(sizeOf(shape)), shape, dtype: 'float32' }
}

/** The same numbers under another shape; shares memory. */
export function reshape<D extends DType>(value: Tensor<D>, shape: Shape): Tensor<D> {
  if (sizeOf(shape) !== value.data.length) {
    throw new RootstockError('SHAPE', `Cannot reshape ${showShape(value.shape)} to ${showShape(shape)}`)
  }
  return { data: value.data, shape, dtype: value.dtype }
}

/** Rows `from` up to `to` of the first axis; shares memory. */
export function rows<D extends DType>(value: Tensor<D>, from: number, to: number): Tensor<D> {
  const [count = 0, ...rest] = value.shape
  const width = sizeOf(rest)
  const last = Math.min(to, count)
  return { data: value.data.subarray(from * width, last * width) as TensorData[D], shape: [last - from, ...rest], dtype: value.dtype }
}

/** Float32 tensors of equal shape, joined along a new first axis. */
export function stack(values: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const first = values[0]
  if (!first) throw new RootstockError('SHAPE', 'Cannot stack: no tensors were given')
  const width = sizeOf(first.shape)
  const data = new Float32Array(values.length * width)
  values.forEach((value, i) => {
    if (!sameShape(value.shape, first.shape)) {
      throw new RootstockError('SHAPE', `Cannot stack tensors of shapes ${showShape(first.shape)} and ${showShape(value.shape)}`)
    }
    data.set(value.data, i * width)
  })
  return { data, shape: [values.length, ...first.shape], dtype: 'float32' }
}

/** How far apart, in elements, neighbours along each axis lie. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  return strides
}
