/** @file Loops against the arithmetic of single floats, number by number. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTape, loopFor, loopOps, steps, type LoopOp, type Value } from '../../graph/index.ts'
import { bytesFor, compileKernel, kernelMemory } from './kernel.ts'

const meaning: Readonly<Record<LoopOp, (a: number, b: number) => number>> = {
  Abs: Math.abs,
  Add: (a, b) => a + b,
  Div: (a, b) => a / b,
  Max: Math.max,
  Min: Math.min,
  Mul: (a, b) => a * b,
  Neg: (a) => -a,
  Sign: Math.sign,
  Sqrt: Math.sqrt,
  Sub: (a, b) => a - b,
}

const unary: readonly LoopOp[] = ['Abs', 'Neg', 'Sign', 'Sqrt']
const strange = [0, -0, 1, -1, 0.1, 3e38, -3e38, 1e-30, Infinity, -Infinity, NaN].map(Math.fround)

/** Runs op(a, b) over a; the numbers behind the end are left as they were. */
function run(op: LoopOp, a: readonly number[], b: readonly number[] | number): number[] {
  const tape = createTape()
  const type = { shape: [a.length], dtype: 'float32' } as const
  const left = tape.input('a', type)
  const right = tape.input('b', typeof b === 'number' ? { shape: [], dtype: 'float32' } : type)
  const result = tape.op(op, unary.includes(op) ? [left] : [left, right], {})
  const loop = loopFor(tape, [result], (value) => value === left || (typeof b !== 'number' && value === right))!
  const memory = kernelMemory(2 * bytesFor(a.length))!
  const at = (value: Value): number => (value === left ? 0 : bytesFor(a.length))
  const views = [a, b].map((data, i) => ({ data, view: new Float32Array(memory.buffer, i * bytesFor(a.length), a.length) }))
  for (const { data, view } of views) if (typeof data !== 'number') view.set(data)
  compileKernel(loop, [left], memory).run({ arrays: loop.arrays.map(at), numbers: typeof b === 'number' ? loop.numbers.map(() => b) : [] })
  return [...views[0]!.view]
}

const floats = fc.oneof(fc.float({ noDefaultInfinity: true, noNaN: true }), fc.constantFrom(...strange))
/** The engine takes the smallest numbers for zero once it has begun, so both are right. */
const isTiny = (value: number): boolean => Math.abs(value) < 2 ** -126
const settled = (value: number): number => (isTiny(value) ? 0 : value)

describe.each(loopOps.map((op) => [op] as const))('%s', (op) => {
  const wanted = (a: number, b: number): number => settled(Math.fround(meaning[op](a, b)))

  it('computes what single floats give, for any length', () => {
    const pairs = fc.array(fc.tuple(floats.map(settled), floats.map(settled)), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(pairs, (rows) => {
        const [a, b] = [rows.map(([left]) => left), rows.map(([, right]) => right)]
        expect(run(op, a, b).map(settled)).toEqual(a.map((value, i) => wanted(value, b[i]!)))
      }),
    )
  })

  it('takes a single number for the second', () => {
    if (unary.includes(op)) return
    for (const b of strange) expect(run(op, strange, b).map(settled)).toEqual(strange.map((a) => wanted(a, Math.fround(b))))
  })
})

it('numbers that only depend on single numbers are computed once, and several results are written', () => {
  const tape = createTape()
  const [w, m, g] = ['w', 'm', 'g'].map((name) => tape.input(name, { shape: [21], dtype: 'float32' })) as [Value, Value, Value]
  const rate = tape.input('rate', { shape: [], dtype: 'float32' })
  const moved = steps.add(tape, steps.scale(tape, m, 0.5), g)
  const next = steps.sub(tape, w, steps.mul(tape, moved, steps.mul(tape, rate, rate)))
  const loop = loopFor(tape, [next, moved], (value) => [w, m, g].includes(value))!
  const memory = kernelMemory(3 * bytesFor(21))!
  const views = new Map([w, m, g].map((value, i) => [value, new Float32Array(memory.buffer, i * bytesFor(21), 21)]))
  const fill = (value: Value, make: (i: number) => number): void => views.get(value)!.forEach((_, i, data) => (data[i] = make(i)))
  fill(w, (i) => i)
  fill(m, () => 4)
  fill(g, (i) => -i)
  compileKernel(loop, [w, m], memory).run({ arrays: loop.arrays.map((value) => views.get(value)!.byteOffset), numbers: [2] })
  expect([...views.get(m)!]).toEqual(Array.from({ length: 21 }, (_, i) => 2 - i))
  expect([...views.get(w)!]).toEqual(Array.from({ length: 21 }, (_, i) => i - 4 * (2 - i)))
  expect([...views.get(g)!]).toEqual(Array.from({ length: 21 }, (_, i) => -i))
})

it('gives no memory where 4 GiB do not suffice', () => {
  expect(kernelMemory(2 ** 32)).toBeUndefined()
  expect(kernelMemory(0)?.buffer.byteLength).toBe(2 ** 16)
})
