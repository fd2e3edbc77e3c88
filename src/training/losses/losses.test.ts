/** @file Losses against Keras's own figures (test/golden/numerics.json), and their gradients against finite differences. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { engine } from '../../engine/index.ts'
import { createTape, gradients, steps } from '../../graph/index.ts'
import { random, tensor, type Tensor } from '../../tensor/index.ts'
import { targetsFor } from '../targets.ts'
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  categoricalFocalCrossentropy,
  lossNames,
  meanSquaredError,
  resolveLoss,
  sparseCategoricalCrossentropy,
  type Loss,
} from './index.ts'

type Numbers = Tensor<'float32'>
type GoldenName = (typeof goldenRows)[number]['key']
const golden = JSON.parse(readFileSync(new URL('../../../test/golden/numerics.json', import.meta.url), 'utf8')) as Record<
  GoldenName | 'p' | 't',
  number[]
>
const p = tensor(golden.p, [4, 3])
const t = tensor(golden.t, [4, 3])

interface Given {
  readonly loss: Loss
  readonly targets: Numbers
  readonly predictions: Numbers
  /** What the loss is told that the predictions were made from. */
  readonly logits?: Numbers
}

/** Losses by sample, and the gradient of Σ weights·loss by the numbers that the loss reads. */
async function compute({ loss, targets, predictions, logits }: Given, weights = tensor([1, 1, 1, 1])): Promise<[Numbers, Numbers]> {
  const tape = createTape()
  const input = (name: string, { shape }: Numbers) => tape.input(name, { shape, dtype: 'float32' })
  const values = { targets: input('t', targets), predictions: input('p', predictions), weights: input('w', weights) }
  const from = logits && input('x', logits)
  const each = loss.perSample({ tape, targets: values.targets, predictions: values.predictions, logits: from })
  const total = steps.sumOver(tape, steps.mul(tape, each, values.weights), [0])
  const [gradient] = gradients(tape, total, [from ?? values.predictions])
  const program = await engine().compile(tape.graph([each, gradient!]))
  const feeds = new Map([[values.targets, targets] as const, [values.predictions, predictions], [values.weights, weights]])
  if (from) feeds.set(from, logits)
  const results = await program.run(new Map([...feeds].filter(([value]) => program.graph.inputs.includes(value))))
  await program.dispose()
  return [results.get(each) as Numbers, results.get(gradient!) as Numbers]
}

const close = (found: ArrayLike<number>, expected: ArrayLike<number>, relative = 1e-5, absolute = 1e-6): void => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(found[i]! - expected[i]!), `number ${i}: ${found[i]} against ${expected[i]}`).toBeLessThanOrEqual(
      relative * Math.abs(expected[i]!) + absolute,
    )
}

const times = (value: Numbers, by: number): Numbers => ({ ...value, data: value.data.map((x) => x * by) })

const goldenRows = [
  { key: 'categorical_crossentropy', loss: categoricalCrossentropy(), predictions: p },
  { key: 'categorical_crossentropy_smooth0.1', loss: categoricalCrossentropy({ labelSmoothing: 0.1 }), predictions: p },
  { key: 'categorical_crossentropy_logits', loss: categoricalCrossentropy({ fromLogits: true }), predictions: times(p, 5) },
  { key: 'sparse_categorical_crossentropy', loss: sparseCategoricalCrossentropy(), predictions: p },
  { key: 'binary_crossentropy', loss: binaryCrossentropy(), predictions: p },
  { key: 'categorical_focal_crossentropy', loss: categoricalFocalCrossentropy(), predictions: p },
] as const

describe.each(goldenRows)('$key', ({ key, loss, predictions }) => {
  it("gives Keras's figures", async () => {
    const labels: Tensor = loss.targets === 'sparse' ? { data: Int32Array.of(0, 1, 2, 1), shape: [4], dtype: 'int32' } : t
    const [each] = await compute({ loss, targets: targetsFor(loss, labels, [null, 3]), predictions })
    close(each.data, golden[key])
  })
})

const rng = random('losses')
const draw = (low: number, high: number): Numbers =>
  tensor(
    Float32Array.from({ length: 12 }, () => low + (high - low) * rng.uniform()),
    [4, 3],
  )
const logits = draw(-3, 3)
const soft = draw(0.05, 0.95)
const row = (value: Numbers, i: number): number[] => [...value.data.subarray(3 * i, 3 * i + 3)]
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const softmax = (x: readonly number[]): number[] => x.map((value) => Math.exp(value) / sum(x.map(Math.exp)))
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const entropy = (target: readonly number[], q: readonly number[]): number => -sum(target.map((value, k) => value * Math.log(q[k]!)))
const binary = (target: readonly number[], q: readonly number[]): number =>
  -sum(target.map((value, k) => value * Math.log(q[k]!) + (1 - value) * Math.log(1 - q[k]!))) / 3
const focal = (target: readonly number[], q: readonly number[], alpha = 0.25, gamma = 2): number =>
  -alpha * sum(target.map((value, k) => (1 - q[k]!) ** gamma * value * Math.log(q[k]!)))
const shares = (x: readonly number[]): number[] => x.map((value) => value / sum(x))

/** Every way into a loss, with its formula in double precision. */
const formulas: readonly (Given & { readonly title: string; readonly expected: (t: number[], x: number[]) => number })[] = [
  { title: 'categorical', loss: categoricalCrossentropy(), targets: t, predictions: soft, expected: (u, q) => entropy(u, shares(q)) },
  {
    title: 'categorical, smoothed, from logits',
    loss: categoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.3 }),
    targets: t,
    predictions: logits,
    expected: (u, x) => entropy(u.map((value) => value * 0.7 + 0.1), softmax(x)), // prettier-ignore
  },
  {
    title: 'categorical, told the logits',
    loss: categoricalCrossentropy(),
    targets: t,
    predictions: soft,
    logits,
    expected: (u, x) => entropy(u, softmax(x)),
  },
  {
    title: 'sparse from logits',
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    targets: t,
    predictions: logits,
    expected: (u, x) => entropy(u, softmax(x)),
  },
  { title: 'binary', loss: binaryCrossentropy(), targets: soft, predictions: draw(0.1, 0.9), expected: binary },
  {
    title: 'binary, smoothed',
    loss: binaryCrossentropy({ labelSmoothing: 0.2 }),
    targets: t,
    predictions: soft,
    expected: (u, q) => binary(u.map((value) => value * 0.8 + 0.1), q), // prettier-ignore
  },
  {
    title: 'binary from logits',
    loss: binaryCrossentropy({ fromLogits: true }),
    targets: t,
    predictions: logits,
    expected: (u, x) => binary(u, x.map(sigmoid)),
  },
  {
    title: 'binary, told the logits',
    loss: binaryCrossentropy(),
    targets: t,
    predictions: soft,
    logits,
    expected: (u, x) => binary(u, x.map(sigmoid)),
  },
  {
    title: 'focal',
    loss: categoricalFocalCrossentropy({ alpha: 0.5, gamma: 3 }),
    targets: t,
    predictions: soft,
    expected: (u, q) => focal(u, shares(q), 0.5, 3),
  },
  {
    title: 'focal, smoothed, from logits',
    loss: categoricalFocalCrossentropy({ fromLogits: true, labelSmoothing: 0.1 }),
    targets: t,
    predictions: logits,
    expected: (u, x) => focal(u.map((value) => value * 0.9 + 0.1 / 3), softmax(x)), // prettier-ignore
  },
  {
    title: 'mean squared error',
    loss: meanSquaredError(),
    targets: t,
    predictions: logits,
    expected: (u, x) => sum(u.map((value, k) => (value - x[k]!) ** 2)) / 3,
  },
]

describe.each(formulas)('$title', (given) => {
  const read = given.logits ?? given.predictions
  const expected = (x: Numbers): number[] => [0, 1, 2, 3].map((i) => given.expected(row(given.targets, i), row(x, i)))

  it('gives the figures of its formula', async () => {
    const [each] = await compute(given)
    close(each.data, expected(read))
  })

  it('has the gradient of finite differences', async () => {
    const weights = tensor([1, 0.5, 2, 3])
    const [, gradient] = await compute(given, weights)
    const total = (x: Float64Array): number =>
      sum([0, 1, 2, 3].map((i) => weights.data[i]! * given.expected(row(given.targets, i), [...x.subarray(3 * i, 3 * i + 3)])))
    const h = 1e-5
    const slope = Float64Array.from({ length: 12 }, (_, at) => {
      const moved = (by: number): number => total(Float64Array.from(read.data, (value, i) => (i === at ? value + by : value)))
      return (moved(h) - moved(-h)) / (2 * h)
    })
    close(gradient.data, slope, 1e-4, 1e-5)
  })
})

describe('probabilities at the border', () => {
  it.each([
    ['categorical', categoricalCrossentropy(), -Math.log(1e-7)],
    // float32(1 − 1e-7) is 1 − 2⁻²³, so the half that should be zero is log(2⁻²³), as in Keras.
    ['binary', binaryCrossentropy(), (-Math.log(1e-7) - Math.log(2 ** -23)) / 3],
    ['focal', categoricalFocalCrossentropy(), -0.25 * Math.log(1e-7)],
  ])('%s stays finite', async (_name, loss, expected) => {
    const [each, gradient] = await compute({ loss, targets: t, predictions: p })
    close([each.data[3]!], [expected], 1e-5)
    expect([...gradient.data].every(Number.isFinite)).toBe(true)
  })

  it('is exact where logits are at hand', async () => {
    const far = tensor([100, -100, 0, 0, 100, -100, -100, 0, 100, 100, 0, -100], [4, 3])
    const [categorical, gradient] = await compute({ loss: categoricalCrossentropy(), targets: t, predictions: p, logits: far })
    close(categorical.data, [0, 0, 0, 100])
    expect([...gradient.data.subarray(9)]).toEqual([1, -1, 0])
    const [binaryLoss] = await compute({ loss: binaryCrossentropy(), targets: t, predictions: p, logits: far })
    close([binaryLoss.data[3]!], [(100 + Math.LN2 + 0) / 3])
  })

  it('keeps the digits of small losses of either answer', async () => {
    const far = tensor([6, -6, -6, -9, 9, -9, -12, -12, 12, -16, 16, -16], [4, 3])
    const [each] = await compute({ loss: binaryCrossentropy(), targets: t, predictions: p, logits: far })
    const sure = [6, 9, 12, 16].map((x) => Math.log1p(Math.exp(-x)))
    close(each.data, sure, 1e-6, 0)
  })
})

describe('rows that are no probabilities', () => {
  // Keras 3.15: losses, and gradients by the first and the last row.
  const wild = tensor([1.5, 0.2, 0.7, 0, 3, 0.5, 0.1, 0.2, 0.3, 2, 1e-9, 0.5], [4, 3])
  const u = tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0], [4, 3])
  it.each([
    ['sparse', sparseCategoricalCrossentropy(), [0.6418539, 0.4054653, 0.6931472, 16.5235615], [0, 0.5263158, 0.5263158, 0, 0, 0.6666666]],
    ['categorical', categoricalCrossentropy(), [0.4700036, 0.1541507, 0.6931472, 16.1180954], [-0.25, 0.4166666, 0.4166666, 0, 0, 0]],
    ['focal', categoricalFocalCrossentropy(), [0.0165236, 0.0007865, 0.0433217, 4.0295229], [-0.0225587, 0.0375978, 0.0375978, 0, 0, 0]],
  ])('%s cuts and divides in the order of Keras', async (_name, loss, figures, slopes) => {
    const [each, gradient] = await compute({ loss, targets: u, predictions: wild })
    close(each.data, figures)
    close([...gradient.data.subarray(0, 3), ...gradient.data.subarray(9)], slopes)
  })
})

describe('fromLogits behind a last softmax or sigmoid', () => {
  // Keras 3.15: loss(t, activation(x)) with from_logits=True, and its gradient by the first sample's x.
  const x = tensor([2, -1, 0.5, 0, 1, -2, -0.5, 0.25, 1.5, 3, 3, -1], [4, 3])
  const q = tensor(Float32Array.from([0, 1, 2, 3].flatMap((i) => softmax(row(x, i)))), [4, 3])
  const u = tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0], [4, 3])
  const entropies = [0.2413113266, 0.3490121663, 0.3519518673, 0.7022632957]
  it.each([
    ['categorical', categoricalCrossentropy({ fromLogits: true }), entropies, [-0.214403, 0.039113, 0.17529]],
    ['sparse', sparseCategoricalCrossentropy({ fromLogits: true }), entropies, [-0.214403, 0.039113, 0.17529]],
    [
      'binary',
      binaryCrossentropy({ fromLogits: true }),
      [0.4714222252, 0.3777789772, 0.5004765391, 1.1368120909],
      [-0.039734, 0.089647, 0.207486],
    ],
  ])('%s takes its logits', async (_name, loss, figures, slope) => {
    const [each, gradient] = await compute({ loss, targets: u, predictions: q, logits: x })
    close(each.data, figures)
    close(gradient.data.subarray(0, 3), slope)
  })

  it('focal takes what came out, as Keras does', async () => {
    const [each] = await compute({ loss: categoricalFocalCrossentropy({ fromLogits: true }), targets: u, predictions: q })
    close(each.data, [0.0446090661, 0.0548920184, 0.054734733, 0.0916484371])
  })
})

describe('targetsFor', () => {
  it.each([
    {
      loss: categoricalCrossentropy(),
      labels: tensor([0, 1], [2]),
      message: 'labels have shape [2], expected [n,3]',
      hint: /sparseCategorical/,
    },
    {
      loss: sparseCategoricalCrossentropy(),
      labels: tensor([0, 1, 0], [1, 3]),
      message: 'expected one class number per sample',
      hint: /one-hot/,
    },
    {
      loss: binaryCrossentropy(),
      labels: tensor([0, 1], [2, 1]),
      message: 'labels have shape [2,1], expected [n,3]',
      hint: /as many labels/,
    },
  ])('refuses labels of another form: $loss.name', ({ loss, labels, message, hint }) => {
    const call = (): unknown => targetsFor(loss, labels, [null, 3])
    expect(call).toThrow(expect.objectContaining({ code: 'SHAPE', message: expect.stringContaining(message) as string }))
    expect(call).toThrow(expect.objectContaining({ hint: expect.stringMatching(hint) as string }))
  })

  it('refuses a class that the model does not have', () => {
    expect(() => targetsFor(sparseCategoricalCrossentropy(), tensor([0, 3]), [null, 3])).toThrow('label 3 at 1')
  })
})

describe('resolveLoss', () => {
  it.each([...lossNames, 'categorical_crossentropy', 'sparse_categorical_crossentropy', 'mean_squared_error', 'MSE'])(
    'knows %s',
    (name) => {
      expect(resolveLoss(name).perSample).toBeTypeOf('function')
    },
  )

  it('takes a loss as it is', () => {
    const loss = categoricalCrossentropy()
    expect(resolveLoss(loss)).toBe(loss)
  })

  it('offers the nearest names', () => {
    expect(() => resolveLoss('categoricalCrossEntrop')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME', hint: expect.stringContaining('"categoricalCrossentropy"') as string }),
    )
    expect(() => resolveLoss('zzz')).toThrow(expect.objectContaining({ hint: expect.stringContaining('Valid: ') as string }))
  })

  it.each([-0.1, 1.1, NaN])('refuses a label smoothing of %s', (labelSmoothing) => {
    for (const make of [categoricalCrossentropy, binaryCrossentropy, categoricalFocalCrossentropy])
      expect(() => make({ labelSmoothing })).toThrow('expected 0 to 1')
  })
})
