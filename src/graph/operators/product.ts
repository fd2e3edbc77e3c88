/** @file Matrix products. FusedMatMul is ONNX Runtime's product that reads its inputs transposed without a pass over memory. */
import type { Tape } from '../tape.ts'
import type { Value, ValueType } from '../graph.ts'
import type { Operator } from './operator.ts'
import { broadcast, input, ranked } from './shapes.ts'
import { scale, unbroadcast } from './steps.ts'

export const MatMul: Operator<'MatMul'> = {
  inputs: ['A', 'B'],
  attributes: {},
  shape: (context) => [productType(input(context, 0), input(context, 1), {})],
  gradient: {
    // Y = A·B: dL/dA = dY·Bᵀ
    A: ({ tape, inputs: [a, b], dy }) => unbroadcast(tape, product(tape, dy, b!, { transB: 1 }), a!),
    // dL/dB = Aᵀ·dY
    B: ({ tape, inputs: [a, b], dy }) => unbroadcast(tape, product(tape, a!, dy, { transA: 1 }), b!),
  },
}

export const FusedMatMul: Operator<'FusedMatMul'> = {
  inputs: ['A', 'B'],
  domain: 'com.microsoft',
  attributes: { alpha: 'float', transA: 'int', transB: 'int' },
  shape: (context) => [productType(input(context, 0), input(context, 1), context.attributes)],
  gradient: {
    A: ({ tape, inputs: [a, b], attributes, dy }) => unbroadcast(tape, leftGradient(tape, { dy, other: b!, ...attributes }), a!),
    B: ({ tape, inputs: [a, b], attributes, dy }) => unbroadcast(tape, rightGradient(tape, { dy, other: a!, ...attributes }), b!),
  },
}

export const Gemm: Operator<'Gemm'> = {
  inputs: ['A', 'B', 'C'],
  attributes: { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' },
  shape(context) {
    const [a, b] = [input(context, 0), input(context, 1)]
    ranked(a, 2, 'A')
    ranked(b, 2, 'B')
    const type = productType(a, b, context.attributes)
    const bias = context.inputs[2]
    if (bias) broadcast(type.shape, bias.shape)
    return [type]
  },
  gradient: {
    // Y = α·op(A)·op(B) + β·C
    A: ({ tape, inputs: [, b], attributes, dy }) => leftGradient(tape, { dy, other: b!, ...attributes }),
    B: ({ tape, inputs: [a], attributes, dy }) => rightGradient(tape, { dy, other: a!, ...attributes }),
    C: ({ tape, inputs, attributes, dy }) => unbroadcast(tape, scale(tape, dy, attributes.beta), inputs[2]!),
  },
}

interface Factor {
  readonly dy: Value
  readonly other: Value
  readonly alpha: number
  readonly transA: 0 | 1
  readonly transB: 0 | 1
}

// op(A) = A:  dA = α·dY·op(B)ᵀ;   op(A) = Aᵀ:  dA = α·op(B)·dYᵀ
function leftGradient(tape: Tape, { dy, other, alpha, transA, transB }: Factor): Value {
  if (transA) return product(tape, other, dy, { alpha, transA: transB, transB: 1 })
  return product(tape, dy, other, { alpha, transB: transB ? 0 : 1 })
}

// op(B) = B:  dB = α·op(A)ᵀ·dY;   op(B) = Bᵀ:  dB = α·dYᵀ·op(A)
function rightGradient(tape: Tape, { dy, other, alpha, transA, transB }: Factor): Value {
  if (transB) return product(tape, dy, other, { alpha, transA: 1, transB: transA })
  return product(tape, other, dy, { alpha, transA: transA ? 0 : 1 })
}

function product(tape: Tape, a: Value, b: Value, how: { alpha?: number; transA?: 0 | 1; transB?: 0 | 1 }): Value {
  return tape.op('FusedMatMul', [a, b], { alpha: how.alpha ?? 1, transA: how.transA ?? 0, transB: how.transB ?? 0 })
}

function productType(a: ValueType, b: ValueType, how: { transA?: 0 | 1; transB?: 0 | 1 }): ValueType {
  if (a.shape.length < 2 || b.shape.length < 2) throw new Error('both factors need at least 2 axes')
  const [m, k] = how.transA ? a.shape.slice(-2).reverse() : a.shape.slice(-2)
  const [k2, n] = how.transB ? b.shape.slice(-2).reverse() : b.shape.slice(-2)
  if (k !== null && k2 !== null && k !== k2) throw new Error(`inner sizes ${k} and ${k2} differ`)
  return { shape: [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m ?? null, n ?? null], dtype: a.dtype }
}
