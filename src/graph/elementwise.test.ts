/** @file What one loop over memory takes out of a graph, and where it stops. */
import { describe, expect, it } from 'vitest'
import type { Value } from './graph.ts'
import { createTape, loopFor, steps, type Loop, type Tape } from './index.ts'

const { add, div, mul, reshape, scale, sqrt, sub, sumOver } = steps

function recorded(shape: readonly number[]): { tape: Tape; w: Value; g: Value; rate: Value } {
  const tape = createTape()
  const type = { shape, dtype: 'float32' } as const
  return { tape, w: tape.input('w', type), g: tape.input('g', type), rate: tape.input('rate', { shape: [], dtype: 'float32' }) }
}

const namesOf = (loop: Loop | undefined): unknown =>
  loop && {
    arrays: loop.arrays.map(({ name }) => name),
    numbers: loop.numbers.map(({ name }) => name),
    constants: [...loop.constants.values()],
    ops: loop.nodes.map(({ op }) => op),
  }

describe('the loop of an update', () => {
  it('takes arithmetic, numbers and constants, and looks through other shapes', () => {
    const { tape, w, g, rate } = recorded([3, 4])
    const flat = (value: Value): Value => reshape(tape, value, [12])
    const next = sub(tape, flat(w), mul(tape, scale(tape, flat(g), 0.5), rate))
    const loop = loopFor(tape, [next], (value) => value === w || value === g)
    expect(namesOf(loop)).toEqual({ arrays: ['w', 'g'], numbers: ['rate'], constants: [0.5], ops: ['Mul', 'Mul', 'Sub'] })
    expect(loop?.size).toBe(12)
  })

  it('begins at what it cannot compute: a number where that is a sum over everything', () => {
    const { tape, w, g } = recorded([3, 4])
    const norm = sqrt(tape, sumOver(tape, mul(tape, g, g), [0, 1]))
    const loop = loopFor(tape, [sub(tape, w, div(tape, g, norm))], (value) => value === w || value === g)
    expect(namesOf(loop)).toMatchObject({ arrays: ['w', 'g'], ops: ['Sqrt', 'Div', 'Sub'] })
    expect(loop?.numbers).toHaveLength(1)
  })

  it('reads the result of another operator as a whole', () => {
    const { tape, w, g } = recorded([3, 4])
    const clipped = tape.op('Clip', [g, tape.number(-1), tape.number(1)], {})
    const loop = loopFor(tape, [sub(tape, w, clipped)], (value) => value === w)
    expect(loop?.arrays).toEqual([w, clipped])
  })

  it('leaves a sum with a row that is repeated to the graph', () => {
    const { tape, w, rate } = recorded([3, 4])
    const sum = add(tape, w, tape.input('row', { shape: [4], dtype: 'float32' }))
    expect(loopFor(tape, [mul(tape, sum, rate)], (value) => value === w)?.arrays).toEqual([sum])
  })

  it('tells a weight of one number from numbers', () => {
    const { tape, w, g, rate } = recorded([1])
    const loop = loopFor(tape, [sub(tape, w, mul(tape, g, rate))], (value) => value === w || value === g)
    expect(namesOf(loop)).toMatchObject({ arrays: ['w', 'g'], numbers: ['rate'] })
  })

  it('computes a value once that two results need', () => {
    const { tape, w, g } = recorded([5])
    const square = mul(tape, g, g)
    const loop = loopFor(tape, [add(tape, w, square), square], (value) => value === w || value === g)
    expect(loop?.nodes.map(({ op }) => op)).toEqual(['Mul', 'Add'])
    expect(loop?.results[1]).toBe(square)
  })

  it.each<[string, (parts: ReturnType<typeof recorded>) => readonly Value[]]>([
    [
      'a constant of that size',
      ({ tape, w }) => [
        add(
          tape,
          w,
          tape.number(
            Array.from({ length: 12 }, (_, i) => i),
            [3, 4],
          ),
        ),
      ],
    ],
    ['results of several sizes', ({ tape, w, rate }) => [scale(tape, w, 2), mul(tape, rate, rate)]],
  ])('there is none for %s', (_, results) => {
    const parts = recorded([3, 4])
    expect(loopFor(parts.tape, results(parts), (value) => value === parts.w)).toBeUndefined()
  })
})
