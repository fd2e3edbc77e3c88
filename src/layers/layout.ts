/** @file The door between Keras's N,H,W,C and the graph's N,C,H,W. Values with another number of axes are the same in both. */
import type { Tape, Value } from '../graph/index.ts'

/** N,C,H,W → N,H,W,C */
export function toKerasLayout(tape: Tape, value: Value): Value {
  return value.shape.length === 4 ? tape.op('Transpose', [value], { perm: [0, 2, 3, 1] }) : value
}

/** N,H,W,C → N,C,H,W */
export function fromKerasLayout(tape: Tape, value: Value): Value {
  return value.shape.length === 4 ? tape.op('Transpose', [value], { perm: [0, 3, 1, 2] }) : value
}
