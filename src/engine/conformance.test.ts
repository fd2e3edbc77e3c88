/** @file Every operator, on every engine of this machine, against plain loops. */
import { describe, expect, it } from 'vitest'
import { createTape, opNames, verify, type Graph, type OpName, type Value } from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { cases, type Case } from './conformance.cases.ts'
import { here, missing, needs, runOnce } from './here.cases.ts'

/** Difference allowed to a result y: 2e-5·(1 + |y|), a few roundings of float32 and the engines' own exp and log. */
const tolerance = 2e-5

describe.each(here)('%s computes', (name) => {
  for (const op of opNames) {
    const rows: readonly Case[] = cases[op]
    const expected = rows.filter((row) => !row.brokenOn?.[name] && !row.skipOn?.[name])
    if (expected.length > 0) it(op, () => conforms(name, op, expected))
    for (const row of rows) {
      if (row.skipOn?.[name]) it.skip(`${op} ${row.title}: needs ${row.skipOn[name]}`)
      if (row.brokenOn?.[name]) it.fails(`${op} ${row.title}: ${row.brokenOn[name]}`, () => conforms(name, op, [row]))
    }
  }
})

describe.each(missing)('%s', (name) => {
  it.skip(`needs ${needs[name]}`)
})

describe('the comparison itself', () => {
  it('rejects another number, another shape and another type', () => {
    const y = { data: Float32Array.of(1, 2), shape: [2], dtype: 'float32' } as const
    expectClose(y, y, 'y')
    expect(() => expectClose({ ...y, data: Float32Array.of(1, 2.001) }, y, 'y')).toThrow('y: number 1')
    expect(() => expectClose({ ...y, data: Float32Array.of(1, NaN) }, y, 'y')).toThrow('y: number 1')
    expect(() => expectClose({ ...y, shape: [1, 2] }, y, 'y')).toThrow()
    expect(() => expectClose({ data: Int32Array.of(1, 2), shape: [2], dtype: 'int32' }, y, 'y')).toThrow()
  })
})

/** All rows in one graph, since preparing a graph costs more than running it. */
async function conforms(name: (typeof here)[number], op: OpName, rows: readonly Case[]): Promise<void> {
  const { graph, feeds, outputs } = record(op, rows)
  verify(graph)
  const results = await runOnce(name, graph, feeds)
  rows.forEach((row, i) => {
    row.expected().forEach((expected, j) => expectClose(results.get(outputs[i]![j]!)!, expected, `${op} ${row.title}, output ${j}`))
  })
}

function record(op: OpName, rows: readonly Case[]): { graph: Graph; feeds: Map<Value, Tensor>; outputs: (readonly Value[])[] } {
  const tape = createTape()
  const feeds = new Map<Value, Tensor>()
  const outputs = rows.map((row) => {
    const inputs = row.inputs.map((data, i) => {
      if (!data) return null
      if (i >= (row.constantFrom ?? Infinity)) return tape.constant(data)
      const value = tape.input(`input${i}`, { shape: data.shape, dtype: data.dtype })
      feeds.set(value, data)
      return value
    })
    return tape.ops(op, inputs, row.attributes).slice(0, row.expected().length)
  })
  return { graph: tape.graph(outputs.flat()), feeds, outputs }
}

function expectClose(found: Tensor, expected: Tensor, what: string): void {
  expect(found.dtype, what).toBe(expected.dtype)
  expect(found.shape, what).toEqual(expected.shape)
  const [actual, wanted] = [found, expected].map(({ data }) => Array.from(data as ArrayLike<number | bigint>, Number)) as [
    number[],
    number[],
  ]
  wanted.forEach((y, i) => {
    const difference = Math.abs(actual[i]! - y)
    expect(difference <= tolerance * (1 + Math.abs(y)), `${what}: number ${i} is ${actual[i]}, expected ${y}`).toBe(true)
  })
}
