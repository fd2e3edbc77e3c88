/** @file Operators on single elements, with NumPy's broadcasting where they take two. */
import type { Value } from '../graph.ts'
import type { Attributes } from './signatures.ts'
import type { GradientContext, Operator } from './operator.ts'
import { broadcast, broadcastAll, input, sameAsFirst } from './shapes.ts'
import { div, mul, neg, scale, sub, unbroadcast } from './steps.ts'

const binary = { inputs: ['A', 'B'], attributes: {}, shape: broadcastAll } as const
const unary = { inputs: ['X'], attributes: {}, shape: sameAsFirst } as const
const stepwise = { none: 'piecewise constant' }

export const Add: Operator<'Add'> = {
  ...binary,
  gradient: {
    A: ({ tape, inputs: [a], dy }) => unbroadcast(tape, dy, a!),
    B: ({ tape, inputs: [, b], dy }) => unbroadcast(tape, dy, b!),
  },
}

export const Sub: Operator<'Sub'> = {
  ...binary,
  gradient: {
    A: ({ tape, inputs: [a], dy }) => unbroadcast(tape, dy, a!),
    B: ({ tape, inputs: [, b], dy }) => neg(tape, unbroadcast(tape, dy, b!)),
  },
}

export const Mul: Operator<'Mul'> = {
  ...binary,
  gradient: {
    // y = a·b: dL/da = dy·b
    A: ({ tape, inputs: [a, b], dy }) => unbroadcast(tape, mul(tape, dy, b!), a!),
    B: ({ tape, inputs: [a, b], dy }) => unbroadcast(tape, mul(tape, dy, a!), b!),
  },
}

export const Div: Operator<'Div'> = {
  ...binary,
  gradient: {
    // y = a/b: dL/da = dy/b
    A: ({ tape, inputs: [a, b], dy }) => unbroadcast(tape, div(tape, dy, b!), a!),
    // dL/db = −dy·y/b
    B: ({ tape, inputs: [, b], outputs: [y], dy }) => neg(tape, unbroadcast(tape, div(tape, mul(tape, dy, y!), b!), b!)),
  },
}

export const Pow: Operator<'Pow'> = {
  inputs: ['X', 'Y'],
  attributes: {},
  shape: broadcastAll,
  gradient: {
    // z = xʸ: dL/dx = dy·y·xʸ⁻¹
    X({ tape, inputs: [x, y], dy }) {
      const lowered = tape.op('Pow', [x!, sub(tape, y!, tape.number(1))], {})
      return unbroadcast(tape, mul(tape, dy, mul(tape, y!, lowered)), x!)
    },
    // dL/dy = dy·z·log x, for x > 0
    Y: ({ tape, inputs: [x, y], outputs: [z], dy }) => unbroadcast(tape, mul(tape, dy, mul(tape, z!, tape.op('Log', [x!], {}))), y!),
  },
}

// y = max(a, b, …): dL/da = dy·1[a = y]; where several inputs are largest each receives the gradient.
export const Max: Operator<'Max'> = {
  inputs: ['data_0'],
  variadic: true,
  attributes: {},
  shape: broadcastAll,
  gradient: { data_0: chosen },
}
export const Min: Operator<'Min'> = {
  inputs: ['data_0'],
  variadic: true,
  attributes: {},
  shape: broadcastAll,
  gradient: { data_0: chosen },
}

function chosen({ tape, inputs, index, outputs: [y], dy }: GradientContext<'Max' | 'Min'>): Value {
  const equal = tape.op('Cast', [tape.op('Equal', [inputs[index]!, y!], {})], { to: 'float32' })
  return unbroadcast(tape, mul(tape, dy, equal), inputs[index]!)
}

export const Neg: Operator<'Neg'> = { ...unary, gradient: { X: ({ tape, dy }) => neg(tape, dy) } }

// dL/dx = dy·sign(x)
export const Abs: Operator<'Abs'> = { ...unary, gradient: { X: ({ tape, inputs: [x], dy }) => mul(tape, dy, tape.op('Sign', [x!], {})) } }

export const Sign: Operator<'Sign'> = { ...unary, gradient: { X: stepwise } }

// y = √x: dL/dx = dy/(2y)
export const Sqrt: Operator<'Sqrt'> = { ...unary, gradient: { X: ({ tape, outputs: [y], dy }) => div(tape, dy, scale(tape, y!, 2)) } }

export const Exp: Operator<'Exp'> = {
  inputs: ['X'],
  attributes: {},
  shape: sameAsFirst,
  // dL/dx = dy·eˣ
  gradient: { X: ({ tape, outputs: [y], dy }) => mul(tape, dy, y!) },
}

// dL/dx = dy/x
export const Log: Operator<'Log'> = { ...unary, gradient: { X: ({ tape, inputs: [x], dy }) => div(tape, dy, x!) } }

// y = 1/x: dL/dx = −dy·y²
export const Reciprocal: Operator<'Reciprocal'> = {
  ...unary,
  gradient: { X: ({ tape, outputs: [y], dy }) => neg(tape, mul(tape, dy, mul(tape, y!, y!))) },
}

export const Where: Operator<'Where'> = {
  inputs: ['condition', 'X', 'Y'],
  attributes: {},
  shape(context) {
    const [condition, x, y] = [input(context, 0), input(context, 1), input(context, 2)]
    return [{ shape: broadcast(broadcast(condition.shape, x.shape), y.shape), dtype: x.dtype }]
  },
  gradient: {
    condition: stepwise,
    // dL/dx = dy where the condition holds, 0 elsewhere
    X: ({ tape, inputs: [c, x], dy }) => unbroadcast(tape, tape.op('Where', [c!, dy, tape.number(0)], {}), x!),
    Y: ({ tape, inputs: [c, , y], dy }) => unbroadcast(tape, tape.op('Where', [c!, tape.number(0), dy], {}), y!),
  },
}

const comparison = {
  inputs: ['A', 'B'],
  attributes: {},
  shape: (context: Parameters<typeof broadcastAll>[0]) => broadcastAll(context).map(({ shape }) => ({ shape, dtype: 'bool' as const })),
  gradient: { A: stepwise, B: stepwise },
} as const

export const Equal: Operator<'Equal'> = comparison
export const Greater: Operator<'Greater'> = comparison
export const Less: Operator<'Less'> = comparison

export const Cast: Operator<'Cast'> = {
  inputs: ['input'],
  attributes: { to: 'dtype' },
  shape: (context) => [{ shape: input(context, 0).shape, dtype: context.attributes.to }],
  gradient: {
    // The inverse cast; only between floating types does a gradient reach it.
    input({ tape, inputs: [x], dy }) {
      const to = x!.dtype as Attributes['Cast']['to']
      return tape.op('Cast', [dy], { to })
    },
  },
}
