/** @file The way into 8-bit numbers and back: q = round(x / scale) + zero, x ≈ (q − zero)·scale, for a whole tensor or along one axis. */
import type { ValueType } from '../graph.ts'
import type { NoGradient, Operator, ShapeContext } from './operator.ts'
import { input, positiveAxis } from './shapes.ts'

const settled: NoGradient = { none: 'quantization is for networks whose training is over' }

/** Halves are rounded to even; what lies outside the 8 bits becomes their least or largest number. */
export const QuantizeLinear: Operator<'QuantizeLinear'> = {
  inputs: ['x', 'y_scale', 'y_zero_point'],
  attributes: { axis: 'int' },
  shape(context) {
    const [x, zero] = checked(context)
    if (x.dtype !== 'float32') throw new Error(`x is ${x.dtype}, expected float32`)
    if (zero.dtype !== 'uint8' && zero.dtype !== 'int8') throw new Error(`the zero point is ${zero.dtype}, expected uint8 or int8`)
    return [{ shape: x.shape, dtype: zero.dtype }]
  },
  gradient: { x: settled, y_scale: settled, y_zero_point: settled },
}

export const DequantizeLinear: Operator<'DequantizeLinear'> = {
  inputs: ['x', 'x_scale', 'x_zero_point'],
  attributes: { axis: 'int' },
  shape(context) {
    const [x, zero] = checked(context)
    if (x.dtype !== zero.dtype) throw new Error(`x is ${x.dtype}, its zero point ${zero.dtype}`)
    if (x.dtype !== 'uint8' && x.dtype !== 'int8' && x.dtype !== 'int32') throw new Error(`x is ${x.dtype}, expected uint8, int8 or int32`)
    return [{ shape: x.shape, dtype: 'float32' }]
  },
  gradient: { x: settled, x_scale: settled, x_zero_point: settled },
}

/** Tensor and zero point; scale and zero point must be single numbers, or one for each index along the axis. */
function checked(context: ShapeContext<'QuantizeLinear' | 'DequantizeLinear'>): readonly [ValueType, ValueType] {
  const [x, scale, zero] = [input(context, 0), input(context, 1), input(context, 2)]
  if (scale.shape.join() !== zero.shape.join()) throw new Error('scale and zero point have different shapes')
  if (scale.dtype !== 'float32') throw new Error(`the scale is ${scale.dtype}, expected float32`)
  if (scale.shape.length === 0) return [x, zero]
  const size = x.shape[positiveAxis(context.attributes.axis, x.shape.length)]
  if (scale.shape.length !== 1 || scale.shape[0] !== size) throw new Error(`the scale must have shape [] or [${size}]`)
  return [x, zero]
}
