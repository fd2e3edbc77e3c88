/** @file Every gradient rule of every operator, on every engine of this machine, against finite differences. */
import { describe, expect, it } from 'vitest'
import { random, sizeOf, tensor, type Tensor } from '../tensor/index.ts'
import { cases, normal, type Case } from '../engine/conformance.cases.ts'
import { here, missing, needs, runOnce, withProgram } from '../engine/here.cases.ts'
import {
  createTape,
  gradients,
  operators,
  opNames,
  spellOutBatchStatistics,
  steps,
  verify,
  type OpName,
  type Operator,
  type Tape,
  type Value,
} from './index.ts'

/** Of a fourth-order central difference; inputs in the table lie farther than twice this from any kink. */
const step = 1 / 32
/** Difference allowed to a gradient g: 1e-3·(1 + |g|). The step's own error is about step⁴ = 1e-6, rounding ε·|y|/step = 4e-6·|y|. */
const tolerance = 1e-3
/** So many numbers of each input are moved one at a time; larger inputs besides as a whole, along a random direction. */
const single = 40

/** One row of the table on a tape: its loss Σ w·y with fixed random w, and the inputs it is differentiated by. */
interface Recorded {
  readonly row: Case
  readonly loss: Value
  readonly y: Value
  readonly weights: Tensor<'float32'>
  readonly inputs: readonly (Value | null)[]
  readonly targets: readonly Value[]
}

/** Inputs whose rule is `none`: they stay out of the targets and must refuse when asked. */
const without = [
  'BatchNormalization.input_mean',
  'BatchNormalization.input_var',
  'BlockedAveragePool.X',
  'BlockedConv.B',
  'BlockedConv.Sum',
  'BlockedConv.W',
  'BlockedConv.X',
  'BlockedGlobalAveragePool.X',
  'BlockedMaxPool.X',
  'Clip.max',
  'Clip.min',
  'DequantizeLinear.x',
  'DequantizeLinear.x_scale',
  'DequantizeLinear.x_zero_point',
  'Equal.A',
  'Equal.B',
  'Expand.shape',
  'Greater.A',
  'Greater.B',
  'Less.A',
  'Less.B',
  'Pad.axes',
  'Pad.constant_value',
  'Pad.pads',
  'QuantizeLinear.x',
  'QuantizeLinear.y_scale',
  'QuantizeLinear.y_zero_point',
  'ReduceMax.axes',
  'ReduceMean.axes',
  'ReduceSum.axes',
  'ReduceSumSquare.axes',
  'ReorderInput.X',
  'ReorderOutput.X',
  'Reshape.shape',
  'ScatterElements.data',
  'ScatterElements.indices',
  'ScatterElements.updates',
  'Sign.X',
  'Slice.axes',
  'Slice.ends',
  'Slice.starts',
  'Slice.steps',
  'Where.condition',
]

const rules = opNames.flatMap((op) =>
  row(op).inputs.map((input) => ({ op, input, name: `${op}.${input}`, none: typeof ruleOf(op, input) !== 'function' })),
)
const differentiable = opNames.filter((op) => checked(op).length > 0)

describe('the rules', () => {
  it('are functions except for a known list', () => {
    expect(
      rules
        .filter(({ none }) => none)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(without)
  })

  it.each(rules.filter(({ none }) => !none).map(({ op, input, name }) => [name, op, input] as const))(
    '%s is checked by some row',
    (_, op, input) => {
      const met = checked(op).some((candidate) =>
        candidate.inputs.some((data, i) => isTarget(op, candidate, i) && data !== null && inputName(op, i) === input),
      )
      expect(met).toBe(true)
    },
  )

  it.each(rules.filter(({ none }) => none).map(({ op, input, name }) => [name, op, input] as const))(
    '%s refuses by name',
    (_, op, input) => {
      const at = row(op).inputs.indexOf(input)
      // The last row: where starts, ends, axes and steps are equal numbers they are one value, and the first of them refuses.
      const candidate = (cases[op] as readonly Case[]).findLast(({ inputs }) => inputs[at])
      const tape = createTape()
      const { loss, inputs } = record(tape, op, candidate!)
      expect(() => gradients(tape, loss, [inputs[at]!])).toThrow(new RegExp(`^Cannot differentiate ${op} "${op}" by its input ${input}: .`))
    },
  )

  it('of a wrong shape are reported by operator, node and input', () => {
    const whole = operators.Neg.gradient.X
    Object.assign(operators.Neg.gradient, { X: ({ tape, dy }: { tape: Tape; dy: Value }) => steps.sumOver(tape, dy, [0]) })
    try {
      const tape = createTape()
      const x = tape.input('x', { shape: [2, 3], dtype: 'float32' })
      const loss = steps.sumOver(tape, tape.op('Neg', [x], {}, 'minus'), [0, 1])
      expect(() => gradients(tape, loss, [x])).toThrow(
        'Cannot differentiate Neg "minus" by its input X: the rule gave shape [3], expected [2,3]',
      )
    } finally {
      Object.assign(operators.Neg.gradient, { X: whole })
    }
  })
})

/** Operators that occur in their own gradient, so that a fault of an engine in the one is a fault in the other. */
const fatal: readonly OpName[] = ['MaxPool', 'Pow']
const numeric = new Map<Case, Promise<Tensor<'float32'>[]>>()

describe.each(here)('%s: gradient of', (name) => {
  for (const op of differentiable) {
    const rows = checked(op)
    const gradientFails = (candidate: Case): boolean =>
      candidate.brokenOn?.[name] !== undefined && !candidate.hasSoundGradient && fatal.includes(op)
    const whole = rows.filter((candidate) => !gradientFails(candidate))
    if (whole.length > 0) it(op, () => agrees(name, op, whole))
    for (const candidate of rows.filter(gradientFails))
      it.fails(`${op} ${candidate.title}: ${candidate.brokenOn?.[name]}`, () => agrees(name, op, [candidate]))
  }
})

describe.each(missing)('%s', (name) => {
  it.skip(`needs ${needs[name]}`)
})

describe('gradients', () => {
  const tapeOf = (): { tape: Tape; x: Value; y: Value } => {
    const tape = createTape()
    return { tape, x: tape.input('x', { shape: [3], dtype: 'float32' }), y: tape.input('y', { shape: [3], dtype: 'float32' }) }
  }
  const at = [tensor([1, 2, 3]), tensor([4, 5, 6])] as const

  it('add up where a value is used several times', async () => {
    const { tape, x, y } = tapeOf()
    const product = steps.mul(tape, steps.mul(tape, x, x), y)
    const loss = steps.sumOver(tape, steps.add(tape, product, x), [0])
    const [dx, dy] = gradients(tape, loss, [x, y])
    const results = await runOnce(
      'cpu',
      tape.graph([dx!, dy!]),
      new Map([
        [x, at[0]],
        [y, at[1]],
      ]),
    )
    expect([...results.get(dx!)!.data]).toEqual([9, 21, 37])
    expect([...results.get(dy!)!.data]).toEqual([1, 4, 9])
  })

  it('of a value that the loss does not depend on are undefined', () => {
    const { tape, x, y } = tapeOf()
    const loss = steps.sumOver(tape, x, [0])
    steps.sumOver(tape, steps.neg(tape, y), [0])
    expect(gradients(tape, loss, [y, x]).map((value) => value?.shape)).toEqual([undefined, [3]])
  })

  it('do not flow past a value that no target lies upstream of', () => {
    const { tape, x, y } = tapeOf()
    const loss = steps.sumOver(tape, steps.mul(tape, x, tape.op('Sign', [y], {})), [0])
    expect(() => gradients(tape, loss, [x])).not.toThrow()
    expect(() => gradients(tape, loss, [y])).toThrow('Sign')
  })

  it('of the loss itself are one', () => {
    const { tape, x } = tapeOf()
    const loss = steps.sumOver(tape, x, [0])
    const [dLoss] = gradients(tape, loss, [loss])
    expect(tape.constants.get(dLoss!)).toEqual({ data: Float32Array.of(1), shape: [], dtype: 'float32' })
  })

  it('need a scalar loss', () => {
    const { tape, x } = tapeOf()
    expect(() => gradients(tape, x, [x])).toThrow('Cannot differentiate x: it has shape [3], expected a scalar')
  })

  it('of max pooling go to the first of equal maxima', async () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [1, 1, 2, 4], dtype: 'float32' })
    const y = tape.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] })
    const loss = steps.sumOver(tape, steps.mul(tape, y, tape.number([5, 7], [1, 1, 1, 2])), [0, 1, 2, 3])
    const [dx] = gradients(tape, loss, [x])
    const results = await runOnce('cpu', tape.graph([dx!]), new Map([[x, tensor([1, 1, 0, 2, 1, 1, 2, 2], [1, 1, 2, 4])]]))
    expect([...results.get(dx!)!.data]).toEqual([5, 0, 0, 7, 0, 0, 0, 0])
  })

  it('of ReduceMax are shared between equal maxima', async () => {
    const tape = createTape()
    const x = tape.input('x', { shape: [4], dtype: 'float32' })
    const [dx] = gradients(tape, tape.op('ReduceMax', [x, tape.integers([0])], { keepdims: 0 }), [x])
    const results = await runOnce('cpu', tape.graph([dx!]), new Map([[x, tensor([2, 1, 2, 2])]]))
    expect([...results.get(dx!)!.data].map((value) => Math.round(Number(value) * 3))).toEqual([1, 0, 1, 1])
  })
})

/** All rows of an operator in one graph, against differences that the CPU engine takes once. */
async function agrees(name: (typeof here)[number], op: OpName, rows: readonly Case[]): Promise<void> {
  const tape = createTape()
  const recorded = rows.map((candidate) => record(tape, op, candidate))
  const slopes = recorded.map(({ loss, targets }) => gradients(tape, loss, targets).map((slope) => slope!))
  const { graph, at } = spellOutBatchStatistics(tape.graph(slopes.flat()))
  verify(graph)
  const feeds = new Map(
    recorded.flatMap(({ inputs, row: { inputs: data } }) =>
      inputs.flatMap((input, i) => (input && graph.inputs.includes(input) ? [[input, data[i]!] as const] : [])),
    ),
  )
  const results = await runOnce(name, graph, feeds)
  for (const [i, one] of recorded.entries()) {
    const analytic = slopes[i]!.map((slope) => results.get(at(slope))! as Tensor<'float32'>)
    const known = numeric.get(one.row) ?? differences(op, one.row)
    numeric.set(one.row, known)
    compare(`${op} ${one.row.title}`, analytic, await known)
  }
}

function compare(what: string, analytic: readonly Tensor<'float32'>[], expected: readonly Tensor<'float32'>[]): void {
  analytic.forEach((slope, t) => {
    const places = placesOf(slope)
    const found = [...places.map((place) => slope.data[place]!), along(slope, directionOf(slope, t))]
    found.forEach((value, i) => {
      const wanted = expected[t]!.data[i]!
      const where = places[i] === undefined ? 'along a random direction' : `at ${places[i]}`
      expect(
        Math.abs(value - wanted) <= tolerance * (1 + Math.abs(wanted)),
        `${what}, target ${t} ${where}: ${value}, differences give ${wanted}`,
      ).toBe(true)
    })
  })
}

/** For each target: dL/dx at its places, and then along its direction. */
function differences(op: OpName, candidate: Case): Promise<Tensor<'float32'>[]> {
  const tape = createTape()
  const { y, weights, inputs, targets } = record(tape, op, candidate)
  const graph = tape.graph([y])
  const feeds = new Map(
    inputs.flatMap((input, i) => (input && graph.inputs.includes(input) ? [[input, candidate.inputs[i]!] as const] : [])),
  )
  return withProgram('cpu', graph, async (program) => {
    const lossAt = async (target: Value, direction: Float32Array, distance: number): Promise<number> => {
      const { data, shape } = feeds.get(target)!
      const moved = tensor(
        Float32Array.from(data as Float32Array, (value, i) => value + distance * direction[i]!),
        shape,
      )
      const result = (await program.run(new Map([...feeds, [target, moved]]))).get(y)!
      return along(weights, Float32Array.from(result.data as Float32Array))
    }
    const slope = async (target: Value, direction: Float32Array): Promise<number> => {
      const [near, far] = [step, 2 * step]
      const inner = (await lossAt(target, direction, near)) - (await lossAt(target, direction, -near))
      const outer = (await lossAt(target, direction, far)) - (await lossAt(target, direction, -far))
      return (8 * inner - outer) / (12 * step)
    }
    const result: Tensor<'float32'>[] = []
    for (const [t, target] of targets.entries()) {
      const x = feeds.get(target) as Tensor<'float32'>
      const slopes: number[] = []
      for (const place of placesOf(x)) slopes.push(await slope(target, unit(x, place)))
      slopes.push(await slope(target, directionOf(x, t)))
      result.push(tensor(slopes))
    }
    return result
  })
}

function record(tape: Tape, op: OpName, candidate: Case): Recorded {
  const inputs = candidate.inputs.map((data, i) => {
    if (!data) return null
    return i >= (candidate.constantFrom ?? Infinity)
      ? tape.constant(data)
      : tape.input(`input${i}`, { shape: data.shape, dtype: data.dtype })
  })
  const y = tape.op(op, inputs, candidate.attributes)
  const numbers = y.dtype === 'float32' ? y : tape.op('Cast', [y], { to: 'float32' })
  const weights = normal(99, y.shape as number[])
  const loss = steps.sumOver(
    tape,
    steps.mul(tape, numbers, tape.constant(weights)),
    y.shape.map((_, axis) => axis),
  )
  const targets = inputs.flatMap((input, i) => (input && isTarget(op, candidate, i) ? [input] : []))
  return { row: candidate, loss, y, weights, inputs, targets }
}

/** Rows in which finite differences are taken. */
function checked(op: OpName): readonly Case[] {
  return (cases[op] as readonly Case[]).filter(
    (candidate) => candidate.noDifferences === undefined && candidate.inputs.some((_, i) => isTarget(op, candidate, i)),
  )
}

function isTarget(op: OpName, candidate: Case, i: number): boolean {
  return (
    candidate.inputs[i]?.dtype === 'float32' &&
    i < (candidate.constantFrom ?? Infinity) &&
    typeof ruleOf(op, inputName(op, i)) === 'function'
  )
}

function row(op: OpName): Operator {
  return operators[op] as unknown as Operator
}

function inputName(op: OpName, i: number): string {
  const { inputs } = row(op)
  return inputs[Math.min(i, inputs.length - 1)]!
}

function ruleOf(op: OpName, input: string): unknown {
  return (row(op).gradient as Record<string, unknown>)[input]
}

function placesOf({ data }: Tensor): number[] {
  const all = Array.from({ length: data.length }, (_, i) => i)
  return all.length <= single ? all : random(7).shuffle(all).slice(0, single)
}

/** Numbers of at most one, so that none moves farther than it does alone. */
function directionOf({ shape }: Tensor, t: number): Float32Array {
  const draw = random(100 + t)
  return Float32Array.from({ length: sizeOf(shape) }, () => draw.uniform() - 0.5)
}

function unit({ data }: Tensor, place: number): Float32Array {
  const direction = new Float32Array(data.length)
  direction[place] = 1
  return direction
}

function along({ data }: Tensor<'float32'>, direction: Float32Array): number {
  return data.reduce((total, value, i) => total + value * direction[i]!, 0)
}
