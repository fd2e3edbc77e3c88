/** @file Recording, pruning, checking and printing graphs. */
import { describe, expect, it } from 'vitest'
import { tensor } from '../tensor/index.ts'
import { createTape, printGraph, steps, verify, type Graph, type Node, type Tape, type Value } from './index.ts'

const type = { shape: [2, 3], dtype: 'float32' } as const

function tapeWith(): { tape: Tape; x: Value; y: Value } {
  const tape = createTape()
  return { tape, x: tape.input('x', type), y: tape.input('y', type) }
}

describe('createTape', () => {
  it('records the same call once', () => {
    const { tape, x, y } = tapeWith()
    expect(steps.add(tape, x, y)).toBe(steps.add(tape, x, y))
    expect(steps.add(tape, x, y)).not.toBe(steps.add(tape, y, x))
    expect(steps.sumOver(tape, x, [0])).toBe(steps.sumOver(tape, x, [0]))
    expect(steps.sumOver(tape, x, [0])).not.toBe(steps.sumOver(tape, x, [0], 1))
    expect(tape.nodes.map((node) => node.op)).toEqual(['Add', 'Add', 'ReduceSum', 'ReduceSum'])
  })

  it('does not take one name with a comma for two names', () => {
    const tape = createTape()
    const [a, b, ab] = ['a', 'b', 'a,b'].map((name) => tape.input(name, type)) as [Value, Value, Value]
    expect(tape.op('Concat', [a, b], { axis: 0 }).shape).toEqual([4, 3])
    expect(tape.op('Concat', [ab], { axis: 0 }).shape).toEqual([2, 3])
  })

  it('shares small equal constants of equal shape and type', () => {
    const tape = createTape()
    expect(tape.number(2)).toBe(tape.number(2))
    expect(tape.number(2)).not.toBe(tape.number([2]))
    expect(tape.number([2])).not.toBe(tape.integers([2]))
    expect(tape.constant(tensor([2]), 'mine').name).toBe('mine')
  })

  it('gives every node and value its own name', () => {
    const { tape, x } = tapeWith()
    const again = tape.input('x', type)
    const nodes = [tape.op('Neg', [x], {}, 'x'), tape.op('Abs', [x], {}, 'x'), tape.op('Exp', [again], {})]
    verify(tape.graph(nodes))
    expect(again.name).toBe('x_1')
  })

  it('shares equal constants with the graph that it goes on from', () => {
    const { tape, x } = tapeWith()
    const large = Array<number>(1000).fill(-0)
    const constants = [tape.number([2, 3]), tape.number(1, [300]), tape.integers([4]), tape.number(large, [1000])]
    const more = createTape({ ...tape.graph([x]), constants: tape.constants })
    expect([more.number([2, 3]), more.number(1, [300]), more.integers([4]), more.number(-0, [1000])]).toEqual(constants)
    expect(constants).not.toContain(more.number(0, [1000]))
    expect(constants).not.toContain(more.number([-2, 3]))
    expect(more.number([-0])).not.toBe(more.number([0]))
  })

  it('goes on from a graph without repeating its names', () => {
    const { tape, x } = tapeWith()
    const y = tape.op('Neg', [x], {})
    const more = createTape(tape.graph([y]))
    const z = more.op('Neg', [y], {})
    verify(more.graph([z]))
    expect(more.graph([z]).nodes).toHaveLength(2)
  })

  it('hands out graphs that later calls do not change', () => {
    const { tape, x } = tapeWith()
    const graph = tape.graph([tape.op('Neg', [x], {})])
    const before = printGraph(graph)
    tape.input('z', type)
    tape.op('Abs', [x], {})
    expect(printGraph(graph)).toBe(before)
  })

  it('leaves out nodes, constants and parameters that no output needs', () => {
    const { tape, x, y } = tapeWith()
    const w = tape.parameter('w', type, () => tensor([0]))
    steps.mul(tape, steps.add(tape, y, w), tape.number(3))
    const out = steps.scale(tape, x, 2)
    const graph = tape.graph([out])
    expect([graph.nodes.length, graph.constants.size, graph.parameters.size]).toEqual([1, 1, 0])
    expect(graph.inputs).toEqual([x, y])
  })

  it('names the operator and the shapes that do not fit', () => {
    const { tape, x } = tapeWith()
    expect(() => tape.op('MatMul', [x, x], {}, 'dense')).toThrow('Cannot apply MatMul "dense" to [2,3], [2,3]: inner sizes 3 and 2 differ')
    expect(() => tape.op('Add', [x, null], {})).not.toThrow()
  })
})

describe('verify', () => {
  const whole = (): Graph => {
    const { tape, x, y } = tapeWith()
    return tape.graph([tape.op('Exp', [tape.op('Add', [x, y], {}, 'sum')], {}, 'exp')])
  }
  const broken = (change: (nodes: [Node, Node], graph: Graph) => Partial<Graph>): Graph => {
    const graph = whole()
    return { ...graph, ...change([...graph.nodes] as [Node, Node], graph) }
  }
  const output = (node: Node, change: Partial<Value>): Node => ({ ...node, outputs: [{ ...node.outputs[0]!, ...change }] })

  it('accepts a whole graph', () => {
    expect(() => verify(whole())).not.toThrow()
  })

  it.each<[string, Parameters<typeof broken>[0], string]>([
    ['a value read before it is made', ([sum, exp]) => ({ nodes: [exp, sum] }), 'Invalid graph: Exp "exp" reads "sum:0" before it is made'],
    [
      'a repeated node name',
      ([sum, exp]) => ({ nodes: [sum, { ...exp, name: 'sum' }] }),
      'Invalid graph: the name "sum" of node Exp repeats',
    ],
    [
      'a repeated value name',
      ([sum, exp]) => ({ nodes: [sum, output(exp, { name: 'x' })] }),
      'Invalid graph: the name "x" of output of Exp "exp" repeats',
    ],
    ['a repeated input name', (nodes, graph) => ({ inputs: [...graph.inputs, { ...graph.inputs[0]! }] }), 'the name "x" of value repeats'],
    [
      'a wrong shape',
      ([sum, exp]) => ({ nodes: [sum, output(exp, { shape: [3, 2] })] }),
      'Invalid graph: Exp "exp": output 0 is float32[3,2], its inputs give float32[2,3]',
    ],
    [
      'a wrong type',
      ([sum, exp]) => ({ nodes: [sum, output(exp, { dtype: 'int64' })] }),
      'Invalid graph: Exp "exp": output 0 is int64[2,3], its inputs give float32[2,3]',
    ],
    [
      'an output too many',
      ([sum, exp]) => ({ nodes: [sum, { ...exp, outputs: [...exp.outputs, { ...type, name: 'z' }] }] }),
      'no such output',
    ],
    [
      'an input too many',
      ([sum, exp]) => ({ nodes: [sum, { ...exp, inputs: [...exp.inputs, null] }] }),
      'Exp "exp" has 2 inputs, expected at most 1',
    ],
    ['a missing input', ([sum, exp]) => ({ nodes: [{ ...sum, inputs: [] }, exp] }), 'Invalid graph: Add "sum": input 0 is missing'],
    ['an output that nobody makes', ([sum]) => ({ nodes: [sum] }), 'Invalid graph: no node makes the output "exp:0"'],
    ['an unknown operator', ([sum, exp]) => ({ nodes: [sum, { ...exp, op: 'Gru' as 'Exp' }] }), 'Gru "exp" is not a known operator'],
  ])('names %s', (_, change, message) => {
    expect(() => verify(broken(change))).toThrow(message)
  })
})

describe('printGraph', () => {
  it('writes one node a line', () => {
    const { tape, x, y } = tapeWith()
    const half = tape.op('Concat', [x, y], { axis: 1 }, 'both')
    expect(printGraph(tape.graph([tape.op('Cast', [half], { to: 'int64' }, 'whole')]))).toBe(
      [
        'inputs: %x [2,3], %y [2,3]',
        '%both:0 [2,6] = Concat(%x, %y) {axis: 1}',
        '%whole:0 int64[2,6] = Cast(%both:0) {to: "int64"}',
        'outputs: %whole:0',
      ].join('\n'),
    )
  })
})
