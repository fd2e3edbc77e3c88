/** @file Where a graph is cut before its large dense kernels, and where it is not. */
import { describe, expect, it } from 'vitest'
import { createTape, cutBeforeDense, verify, type Tape, type Value } from '../index.ts'

/** 2^24 zeros: the least kernel that is large. */
const large = { data: new Float32Array(2 ** 24), shape: [4096, 4096], dtype: 'float32' } as const
const small = { data: new Float32Array(64), shape: [64, 1], dtype: 'float32' } as const

/** x → Relu → kernel → Relu. */
function network(build: (tape: Tape, x: Value, before: Value) => readonly Value[]): ReturnType<typeof cutBeforeDense> {
  const tape = createTape()
  const x = tape.input('x', { shape: [null, 4096], dtype: 'float32' })
  const before = tape.op('Relu', [x], {})
  return cutBeforeDense(tape.graph(build(tape, x, before)))
}
const dense = (tape: Tape, x: Value): Value => tape.op('MatMul', [x, tape.constant(large)], {})

describe('cutBeforeDense', () => {
  it('cuts at what the kernel reads', () => {
    const cut = network((tape, _, before) => [tape.op('Relu', [dense(tape, before)], {})])!
    expect(cut.front.nodes.map(({ op }) => op)).toEqual(['Relu'])
    expect(cut.tail.nodes.map(({ op }) => op)).toEqual(['MatMul', 'Relu'])
    expect(cut.front.outputs).toHaveLength(1)
    expect(cut.tail.inputs).toEqual(cut.front.outputs)
    expect(cut.front.constants.size).toBe(0)
    verify(cut.front)
    verify(cut.tail)
  })

  it('takes the first of several', () => {
    const cut = network((tape, _, before) => [dense(tape, tape.op('Relu', [dense(tape, before)], {}))])!
    expect(cut.tail.nodes.map(({ op }) => op)).toEqual(['MatMul', 'Relu', 'MatMul'])
  })

  const uncut: Readonly<Record<string, (tape: Tape, x: Value, before: Value) => readonly Value[]>> = {
    'a small kernel': (tape, _, before) => [
      tape.op('MatMul', [tape.op('Slice', [before, ...[0, 64, 1, 1].map((at) => tape.integers([at]))], {}), tape.constant(small)], {}),
    ],
    'nothing before the kernel': (tape, x) => [dense(tape, x)],
    'what it reads is an output too': (tape, _, before) => [dense(tape, before), before],
    'another output does not pass it': (tape, x, before) => [dense(tape, before), tape.op('Neg', [x], {})],
    'something behind it reads the input': (tape, x, before) => [tape.op('Add', [dense(tape, before), x], {})],
  }
  it.each(Object.entries(uncut))('leaves the graph whole: %s', (_, build) => {
    expect(network(build)).toBeUndefined()
  })
})
