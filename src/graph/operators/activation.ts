/** @file Activations. */
import type { Tape } from '../tape.ts'
import type { Value } from '../graph.ts'
import type { GradientContext, Operator } from './operator.ts'
import { numbersOf, positiveAxis, sameAsFirst, sizes } from './shapes.ts'
import { mul, scale, sub, sumOver } from './steps.ts'

/** 2¹⁰⁰, exact in float32: HardSigmoid(x·steep) is 0 up to zero and 1 above it, and takes a quarter of the time of Sign or Where. */
const steep = 2 ** 100

export const Relu: Operator<'Relu'> = {
  inputs: ['X'],
  attributes: {},
  shape: sameAsFirst,
  // dL/dx = dy·1[y > 0]
  gradient: { X: ({ tape, outputs: [y], dy }) => mul(tape, dy, above(tape, y!, 0)) },
}

export const Clip: Operator<'Clip'> = {
  inputs: ['input', 'min', 'max'],
  attributes: {},
  shape: sameAsFirst,
  gradient: {
    // dL/dx = dy·1[min < x < max]
    input({ tape, inputs: [, min, max], outputs: [y], dy }) {
      const low = bound(tape, min)
      const high = bound(tape, max)
      const masks = [low === undefined ? [] : [above(tape, y!, low)], high === undefined ? [] : [below(tape, y!, high)]].flat()
      const [first, second] = masks
      if (!first) return dy
      return mul(tape, dy, second ? mul(tape, first, second) : first)
    },
    min: { none: 'bounds are constants' },
    max: { none: 'bounds are constants' },
  },
}

export const HardSigmoid: Operator<'HardSigmoid'> = {
  inputs: ['X'],
  attributes: { alpha: 'float', beta: 'float' },
  shape: sameAsFirst,
  gradient: {
    // y = clip(αx + β, 0, 1): dL/dx = α·dy·1[0 < y < 1]
    X: ({ tape, outputs: [y], attributes, dy }) =>
      scale(tape, mul(tape, mul(tape, dy, above(tape, y!, 0)), below(tape, y!, 1)), attributes.alpha),
  },
}

export const Softmax: Operator<'Softmax'> = {
  inputs: ['input'],
  attributes: { axis: 'int' },
  shape: sameAsFirst,
  gradient: {
    // dL/dx = y·(dy − Σ dy·y)
    input({ tape, outputs: [y], attributes, dy }) {
      const dot = sumOver(tape, mul(tape, dy, y!), [positiveAxis(attributes.axis, sizes(y!).length)], 1)
      return mul(tape, y!, sub(tape, dy, dot))
    },
  },
}

export const LogSoftmax: Operator<'LogSoftmax'> = {
  inputs: ['input'],
  attributes: { axis: 'int' },
  shape: sameAsFirst,
  gradient: {
    // y = x − log Σ eˣ: dL/dx = dy − eʸ·Σ dy
    input({ tape, outputs: [y], attributes, dy }) {
      const total = sumOver(tape, dy, [positiveAxis(attributes.axis, sizes(y!).length)], 1)
      return sub(tape, dy, mul(tape, tape.op('Exp', [y!], {}), total))
    },
  },
}

export const Sigmoid: Operator<'Sigmoid'> = {
  inputs: ['X'],
  attributes: {},
  shape: sameAsFirst,
  gradient: {
    // dL/dx = dy·y·(1 − y)
    X: ({ tape, outputs: [y], dy }) => mul(tape, dy, mul(tape, y!, sub(tape, tape.number(1), y!))),
  },
}

export const Tanh: Operator<'Tanh'> = {
  inputs: ['X'],
  attributes: {},
  shape: sameAsFirst,
  gradient: {
    // dL/dx = dy·(1 − y²)
    X: ({ tape, outputs: [y], dy }: GradientContext<'Tanh'>) => mul(tape, dy, sub(tape, tape.number(1), mul(tape, y!, y!))),
  },
}

export const Softplus: Operator<'Softplus'> = {
  inputs: ['X'],
  attributes: {},
  shape: sameAsFirst,
  // y = log(1 + eˣ): dL/dx = dy·sigmoid(x)
  gradient: { X: ({ tape, inputs: [x], dy }) => mul(tape, dy, tape.op('Sigmoid', [x!], {})) },
}

/** 1[x > limit] */
function above(tape: Tape, x: Value, limit: number): Value {
  return tape.op('HardSigmoid', [x], { alpha: steep, beta: limit === 0 ? 0 : -limit * steep })
}

/** 1[x < limit] */
function below(tape: Tape, x: Value, limit: number): Value {
  return tape.op('HardSigmoid', [x], { alpha: -steep, beta: limit * steep })
}

function bound(tape: Tape, value: Value | null | undefined): number | undefined {
  if (!value) return undefined
  const constant = tape.constants.get(value)
  if (!constant) throw new Error('bounds of Clip must be constants')
  return numbersOf(constant)[0]
}
