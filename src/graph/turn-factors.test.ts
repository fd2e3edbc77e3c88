/** @file Which weights are let stand first in their products. */
import { describe, expect, it } from 'vitest'
import { zeros } from '../tensor/index.ts'
import type { Value } from './graph.ts'
import { createTape, steps, turnFactors, type Tape } from './index.ts'

interface Parts {
  readonly tape: Tape
  readonly x: Value
  readonly w: Value
  readonly bias: Value
}

function parts(): Parts {
  const tape = createTape()
  const weight = (name: string, shape: readonly number[]): Value => tape.parameter(name, { shape, dtype: 'float32' }, () => zeros(shape))
  return { tape, x: tape.input('x', { shape: [3, 4], dtype: 'float32' }), w: weight('w', [4, 5]), bias: weight('b', [5]) }
}

const gemm = ({ tape }: Parts, [x, w, bias]: readonly [Value, Value, Value | null], alpha = 1): Value =>
  tape.op('Gemm', [x, w, bias], { alpha, beta: 1, transA: 0, transB: 0 }, 'product')

const ops = ({ tape }: Parts, output: Value, wanted: readonly Value[]): string[] =>
  turnFactors(tape.graph([output]), new Set(wanted)).graph.nodes.map(({ op }) => op)

describe('a wanted weight', () => {
  it('stands first, with rows and columns exchanged', () => {
    const given = parts()
    const { graph, at, turned } = turnFactors(given.tape.graph([gemm(given, [given.x, given.w, given.bias])]), new Set([given.w]))
    expect(graph.nodes.map(({ op }) => op)).toEqual(['FusedMatMul', 'Transpose', 'Add'])
    expect(turned.get(given.w)).toMatchObject({ shape: [5, 4] })
    expect(graph.parameters.has(given.w)).toBe(false)
    expect(at(given.bias)).toBe(given.bias)
    expect(graph.outputs[0]?.shape).toEqual([3, 5])
  })

  it('is turned once for two products', () => {
    const given = parts()
    const twice = steps.add(
      given.tape,
      gemm(given, [given.x, given.w, null]),
      given.tape.op('MatMul', [steps.neg(given.tape, given.x), given.w], {}),
    )
    const { graph } = turnFactors(given.tape.graph([twice]), new Set([given.w]))
    expect([...graph.parameters.keys()].map(({ name }) => name)).toEqual(['w/turned'])
  })

  it.each<[string, (given: Parts) => readonly [Value, Value]]>([
    ['that was not asked for', (given) => [gemm(given, [given.x, given.w, given.bias]), given.bias]],
    ['that is scaled', (given) => [gemm(given, [given.x, given.w, given.bias], 0.5), given.w]],
    [
      'that something else reads too',
      (given) => [steps.mul(given.tape, gemm(given, [given.x, given.w, null]), steps.sumOver(given.tape, given.w, [0])), given.w],
    ],
    ['that is no weight', (given) => [gemm(given, [given.x, given.tape.input('y', { shape: [4, 5], dtype: 'float32' }), null]), given.x]],
  ])('stays where it is: one %s', (_, make) => {
    const given = parts()
    const [output, wanted] = make(given)
    expect(ops(given, output, [wanted])).toContain('Gemm')
  })
})
