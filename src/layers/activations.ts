/** @file Activation functions: a row from Keras's name to operators. */
import { unknownName } from '../errors.ts'
import type { Tape, Value } from '../graph/index.ts'

type Lower = (tape: Tape, x: Value, axis: number) => Value

/** `axis` is where the channels lie in the graph. */
const rows = {
  linear: (_tape, x) => x,
  relu: (tape, x) => tape.op('Relu', [x], {}),
  relu6: (tape, x) => tape.op('Clip', [x, tape.number(0), tape.number(6)], {}),
  sigmoid: (tape, x) => tape.op('Sigmoid', [x], {}),
  tanh: (tape, x) => tape.op('Tanh', [x], {}),
  softplus: (tape, x) => tape.op('Softplus', [x], {}),
  softmax: (tape, x, axis) => tape.op('Softmax', [x], { axis }),
  // x·sigmoid(x)
  silu: (tape, x) => tape.op('Mul', [x, tape.op('Sigmoid', [x], {})], {}),
} satisfies Record<string, Lower>

export type ActivationName = keyof typeof rows

/** All activation names. */
export const activationNames = Object.keys(rows) as ActivationName[]

/** Checks a name at the door; null and undefined mean linear. */
export function activationName(name: string | null | undefined): ActivationName {
  const wanted = name ?? 'linear'
  if (!Object.hasOwn(rows, wanted)) throw unknownName('activation', wanted, activationNames)
  return wanted as ActivationName
}

/** Applies an activation; channels lie on axis 1 of a four-axis value and on the last axis of any other. */
export function activate(tape: Tape, x: Value, name: ActivationName): Value {
  return rows[name](tape, x, x.shape.length === 4 ? 1 : x.shape.length - 1)
}
