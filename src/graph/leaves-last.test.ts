/** @file Nodes that nobody reads come last, in the order in which an engine should do their work. */
import { expect, it } from 'vitest'
import { createTape, leavesLast, steps, verify } from './index.ts'

it('what was recorded first comes last, and everything else stays in order', () => {
  const tape = createTape()
  const x = tape.input('x', { shape: [2], dtype: 'float32' })
  const late = tape.op('Neg', [x], {}, 'late')
  const inner = tape.op('Exp', [x], {}, 'inner')
  const between = tape.op('Sqrt', [inner], {}, 'between')
  const early = steps.add(tape, inner, between)
  const graph = leavesLast(tape.graph([late, early, between]))
  expect(graph.nodes.map(({ name }) => name)).toEqual(['inner', 'between', 'Add', 'late'])
  expect(() => verify(graph)).not.toThrow()
})
