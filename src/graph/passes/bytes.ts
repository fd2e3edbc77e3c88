/** @file Into 8 bits and out of them, one scale for a whole tensor. */
import type { Value } from '../graph.ts'
import type { Tape } from '../tape.ts'
import type { Scale } from './quantize-numbers.ts'

/** uint8 numbers of float ones. */
export function quantized(tape: Tape, value: Value, scale: Scale): Value {
  return tape.op('QuantizeLinear', [value, ...scalars(tape, scale)], { axis: 0 })
}

/** Float numbers of uint8 ones. */
export function dequantized(tape: Tape, value: Value, scale: Scale): Value {
  return tape.op('DequantizeLinear', [value, ...scalars(tape, scale)], { axis: 0 })
}

/** Into 8 bits and out of them at once: the engine computes what lies between two of these in 8 bits. */
export function rounded(tape: Tape, value: Value, scale: Scale): Value {
  return dequantized(tape, quantized(tape, value, scale), scale)
}

function scalars(tape: Tape, { scale, zero }: Scale): [Value, Value] {
  return [tape.number(scale), tape.constant({ data: Uint8Array.of(zero), shape: [], dtype: 'uint8' })]
}
