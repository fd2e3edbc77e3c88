/**
 * @file One table of cases for every operator: what each engine must compute, and where the gradient rules are checked.
 * An operator without a row does not compile.
 */
import { random, sizeOf, tensor, type DType, type Shape, type Tensor, type TensorData } from '../tensor/index.ts'
import type { Attributes, OpName } from '../graph/index.ts'
import { engine, type EngineName } from './index.ts'
import * as naive from './naive.cases.ts'

type Numbers = Tensor<'float32'>

/** One application of an operator with attributes `A`. */
export interface Row<A> {
  readonly title: string
  /** Null where an optional input is left out. */
  readonly inputs: readonly (Tensor | null)[]
  readonly attributes: A
  /** Inputs from this one on are constants of the graph. Default: none are. */
  readonly constantFrom?: number
  /** What the first outputs must be, by an independent reference. */
  readonly expected: () => readonly Tensor[]
  /** Why no gradient is compared with finite differences here. */
  readonly noDifferences?: string
  /** Faults of an engine, each with what it says or does; the suite notices when one is mended. */
  readonly brokenOn?: Partial<Record<EngineName, string>>
  /** The gradient does without what is broken. */
  readonly hasSoundGradient?: boolean
  /** What only some machines with this engine have. */
  readonly skipOn?: Partial<Record<EngineName, string>>
}

export type Case<K extends OpName = OpName> = Row<Attributes[K]>

/** Numbers of the normal distribution. */
export function normal(seed: number, shape: Shape): Numbers {
  const draw = random(seed)
  return tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => draw.normal()),
    shape,
  )
}

/** Shuffled numbers …, −0.3, −0.1, 0.1, 0.3, …: no two are equal and none is zero, so small steps cross no kink. */
export function spaced(seed: number, shape: Shape, gap = 0.2): Numbers {
  const count = sizeOf(shape)
  const values = Array.from({ length: count }, (_, i) => (i - Math.floor(count / 2) + 0.5) * gap)
  return tensor(random(seed).shuffle(values), shape)
}

/** Numbers between `low` and `high`. */
export function uniform(seed: number, shape: Shape, [low, high]: readonly [number, number] = [0.5, 2]): Numbers {
  const draw = random(seed)
  return tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * draw.uniform()),
    shape,
  )
}

export function integers(values: readonly number[], shape: Shape = [values.length]): Tensor<'int64'> {
  return { data: BigInt64Array.from(values, BigInt), shape, dtype: 'int64' }
}

function booleans(seed: number, shape: Shape): Tensor<'bool'> {
  const draw = random(seed)
  return { data: Uint8Array.from({ length: sizeOf(shape) }, () => draw.integer(2)), shape, dtype: 'bool' }
}

/** The same numbers in another type. */
function as<D extends 'bool' | 'int64'>(dtype: D, { data, shape }: Numbers): Tensor<D> {
  const values = dtype === 'bool' ? Uint8Array.from(data) : BigInt64Array.from(data, (value) => BigInt(Math.trunc(value)))
  return { data: values as TensorData[DType] as TensorData[D], shape, dtype }
}

const scalar = (value: number): Numbers => tensor([value], [])

interface Window {
  readonly x: Shape
  readonly w: Shape
  readonly strides?: readonly [number, number]
  readonly pads?: readonly [number, number, number, number]
  readonly dilations?: readonly [number, number]
  readonly group?: number
  readonly bias?: true
}

/** Heights and widths differ, so that exchanged axes show. */
const convolutions: Readonly<Record<string, Window>> = {
  '1×1': { x: [2, 3, 4, 5], w: [4, 3, 1, 1], bias: true },
  '1×1 stride 2, last row not met': { x: [2, 3, 4, 5], w: [4, 3, 1, 1], strides: [2, 2] },
  '1×1 stride 2, odd size': { x: [1, 5, 5, 7], w: [2, 5, 1, 1], strides: [2, 2] },
  '1×1 stride 3 and 2': { x: [1, 5, 6, 4], w: [2, 5, 1, 1], strides: [3, 2] },
  '1×1 padded': { x: [1, 2, 3, 3], w: [2, 2, 1, 1], pads: [1, 0, 1, 1] },
  '3×3 valid': { x: [2, 2, 5, 6], w: [3, 2, 3, 3], bias: true },
  '3×3 same': { x: [2, 5, 5, 6], w: [3, 5, 3, 3], pads: [1, 1, 1, 1] },
  '3×3 full padding': { x: [1, 2, 4, 3], w: [2, 2, 3, 3], pads: [2, 2, 2, 2] },
  '3×3 padded beyond its reach': { x: [1, 2, 4, 3], w: [2, 2, 3, 3], pads: [3, 0, 0, 3] },
  '3×3 stride 2 pads (0,1),(0,1)': { x: [2, 3, 6, 8], w: [4, 3, 3, 3], strides: [2, 2], pads: [0, 0, 1, 1], bias: true },
  '3×3 stride 2 same, odd size': { x: [2, 5, 7, 5], w: [3, 5, 3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  '3×3 stride 2 valid, last row not met': { x: [2, 5, 6, 8], w: [2, 5, 3, 3], strides: [2, 2] },
  '3×3 stride 1 and 2': { x: [1, 5, 5, 6], w: [2, 5, 3, 3], strides: [1, 2], pads: [1, 0, 1, 1] },
  '2×2 even kernel same': { x: [1, 5, 4, 5], w: [2, 5, 2, 2], pads: [0, 0, 1, 1] },
  '3×3 stride 3, two rows not met': { x: [1, 5, 8, 5], w: [2, 5, 3, 3], strides: [3, 3] },
  '7×7 stem': { x: [2, 3, 12, 13], w: [4, 3, 7, 7], strides: [2, 2], pads: [3, 3, 3, 3], bias: true },
  '1×7': { x: [1, 5, 3, 9], w: [2, 5, 1, 7], pads: [0, 3, 0, 3] },
  '7×1': { x: [1, 5, 9, 3], w: [2, 5, 7, 1], pads: [3, 0, 3, 0] },
  '3×3 dilation 2': { x: [1, 5, 7, 8], w: [2, 5, 3, 3], pads: [2, 2, 2, 2], dilations: [2, 2] },
  '3×3 dilation 2, stem': { x: [1, 2, 7, 8], w: [2, 2, 3, 3], dilations: [2, 1] },
  '3×3 dilation 2 stride 2': { x: [1, 5, 8, 7], w: [2, 5, 3, 3], pads: [1, 1, 1, 1], strides: [2, 2], dilations: [2, 2] },
  'one photo, one channel': { x: [1, 1, 5, 5], w: [1, 1, 3, 3], pads: [1, 1, 1, 1] },
  'depthwise 3×3': { x: [2, 4, 5, 6], w: [4, 1, 3, 3], pads: [1, 1, 1, 1], group: 4, bias: true },
  'depthwise 3×3 valid': { x: [1, 3, 5, 6], w: [3, 1, 3, 3], group: 3 },
  'depthwise 3×3 stride 2 pads (0,1),(0,1)': { x: [2, 4, 6, 8], w: [4, 1, 3, 3], strides: [2, 2], pads: [0, 0, 1, 1], group: 4 },
  'depthwise 3×3 stride 2 same, odd size': { x: [2, 4, 7, 5], w: [4, 1, 3, 3], strides: [2, 2], pads: [1, 1, 1, 1], group: 4 },
  'depthwise 3×3 stride 2 valid, last row not met': { x: [2, 4, 6, 8], w: [4, 1, 3, 3], strides: [2, 2], group: 4 },
  'depthwise 3×3 multiplier 2': { x: [2, 3, 5, 6], w: [6, 1, 3, 3], pads: [1, 1, 1, 1], group: 3, bias: true },
  'depthwise 3×3 multiplier 2 stride 2': { x: [2, 3, 6, 7], w: [6, 1, 3, 3], strides: [2, 2], pads: [0, 0, 1, 1], group: 3 },
  'depthwise 3×3 dilation 2': { x: [1, 3, 7, 8], w: [3, 1, 3, 3], pads: [2, 2, 2, 2], dilations: [2, 2], group: 3 },
  'depthwise 1×1': { x: [2, 3, 3, 4], w: [3, 1, 1, 1], group: 3 },
  'depthwise 1×1 stride 2': { x: [2, 3, 4, 5], w: [3, 1, 1, 1], strides: [2, 2], group: 3 },
  'grouped 3×3': { x: [2, 6, 5, 6], w: [4, 3, 3, 3], pads: [1, 1, 1, 1], group: 2, bias: true },
  'grouped 3×3 stride 2, last row not met': { x: [2, 6, 6, 8], w: [4, 3, 3, 3], strides: [2, 2], group: 2 },
  'grouped 1×1': { x: [2, 6, 3, 4], w: [4, 3, 1, 1], group: 2 },
}

function convolution(title: string, row: Window): Case<'Conv'> {
  const [x, w] = [normal(1, row.x), normal(2, row.w)]
  const b = row.bias && normal(3, [row.w[0]!])
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], group = 1 } = row
  const attributes = { strides, pads, dilations, group }
  return { title, inputs: b ? [x, w, b] : [x, w], attributes, expected: () => [naive.conv(x, w, attributes, b)] }
}

function transposed(title: string, row: Window & { readonly output_padding?: readonly number[] }): Case<'ConvTranspose'> {
  const [x, w] = [normal(1, row.x), normal(2, row.w)]
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], group = 1, output_padding = [0, 0] } = row
  const attributes = { strides, pads, dilations, group, output_padding }
  return { title, inputs: [x, w], attributes, expected: () => [naive.convTranspose(x, w, attributes)] }
}

const pools = {
  '2×2 stride 2': { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], size: [4, 6] },
  '2×2 stride 2, last row and column not met': { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], size: [5, 7] },
  '3×3 stride 2 overlapping, padded': { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], size: [7, 6] },
  '3×3 stride 2 pads (0,1),(0,1)': { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], size: [6, 8] },
  '3×3 stride 2 valid': { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0], size: [7, 8] },
  '3×3 stride 1 same': { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], size: [4, 5] },
  '2×3 stride 1 same': { kernel_shape: [2, 3], strides: [1, 1], pads: [0, 1, 1, 1], size: [4, 5] },
  '4×5 the whole plane': { kernel_shape: [4, 5], strides: [1, 1], pads: [0, 0, 0, 0], size: [4, 5] },
  '1×1 stride 2': { kernel_shape: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0], size: [4, 5] },
} as const

const poolCases = Object.entries(pools).map(([title, { size, ...attributes }]) => ({ title, size, attributes }))

function averages(count_include_pad: 0 | 1): Case<'AveragePool'>[] {
  return poolCases.map(({ title, size, attributes }) => {
    const x = normal(4, [2, 3, ...size])
    return {
      title: `${title}, count_include_pad ${count_include_pad}`,
      inputs: [x],
      attributes: { ...attributes, count_include_pad },
      expected: () => naive.pool(x, attributes, count_include_pad ? 'counted' : 'ignored'),
    }
  })
}

function maxima(): Case<'MaxPool'>[] {
  return poolCases.map(({ title, size, attributes }) => {
    const x = spaced(5, [2, 3, ...size])
    const hasSoundGradient = Math.max(...attributes.kernel_shape) === 1
    return { title, inputs: [x], attributes, ...noIndices, hasSoundGradient, expected: () => withPlaces(naive.pool(x, attributes)) }
  })
}

function valuesOnly({ title, inputs, attributes, expected }: Case<'MaxPool'>): Case<'MaxPool'> {
  const values = (): readonly Tensor[] => expected().slice(0, 1)
  return { title: `${title}, values only`, inputs, attributes, expected: values, noDifferences: 'as above' }
}

const withPlaces = ([y, places]: Numbers[]): Tensor[] => [y!, as('int64', places!)]
const tied = tensor([1, 1, 0, 1, 1, 1, 0, 0, 2, 0, 2, 2, 0, 2, 2, 2], [1, 1, 4, 4])
const overlapping = { kernel_shape: [3, 3], strides: [1, 1], pads: [0, 0, 0, 0] }

const noTrainingMode = { brokenOn: { webgpu: 'training_mode is not supported: spellOutBatchStatistics' } }
const noIndices = { brokenOn: { webgpu: 'the Indices output is not supported' } }

function batchNorm(title: string, shape: Shape, training_mode: 0 | 1): Case<'BatchNormalization'> {
  const channels = [shape[1]!]
  const inputs = [normal(6, shape), uniform(7, channels), normal(8, channels), normal(9, channels), uniform(10, channels)]
  const attributes = { epsilon: 1e-3, momentum: 0.9, training_mode }
  const row = { title, inputs, attributes, expected: () => naive.batchNormalization(inputs, attributes) }
  return training_mode ? { ...row, ...noTrainingMode } : row
}

type Plain = Row<Attributes['Add']>

/** The function on spaced numbers of several shapes, on zero and on extremes. */
function unary(
  f: (x: number) => number,
  { inputs = [spaced(11, [2, 3, 4]), spaced(12, [7]), spaced(13, [])], extremes = [0, -0, 1e4, -1e4] as number[] | null } = {},
): Plain[] {
  const row = (title: string, x: Numbers): Plain => ({ title, inputs: [x], attributes: {}, expected: () => [naive.elementwise(f, x)] })
  const cases = inputs.map((x) => row(`shape [${x.shape.join(',')}]`, x))
  return extremes
    ? [...cases, { ...row('zero and far values', tensor(extremes)), noDifferences: 'zero is a kink, far values saturate' }]
    : cases
}

const positive = [uniform(14, [2, 3, 4]), uniform(15, [5])]

const shapes: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3, 4],
    [2, 3, 4],
  ],
  [[2, 3, 4], []],
  [[2, 3, 4], [4]],
  [[4], [2, 3, 4]],
  [
    [2, 3, 4, 2],
    [1, 3, 1, 1],
  ],
  [
    [3, 1],
    [1, 4],
  ],
  [
    [1, 1],
    [2, 1, 3],
  ],
  [
    [2, 1, 2],
    [2, 3, 1],
  ],
]

type Make = (seed: number, shape: Shape) => Numbers

function binary(f: (a: number, b: number) => number, { a = normal, b = normal }: { a?: Make; b?: Make } = {}): Plain[] {
  return shapes.map(([left, right]) => {
    const inputs = [a(16, left), b(17, right)] as const
    return {
      title: `[${left.join(',')}] and [${right.join(',')}]`,
      inputs,
      attributes: {},
      expected: () => [naive.elementwise(f, ...inputs)],
    }
  })
}

/** Spaced numbers that stay 0.2 away from those of the other shifts, so that no step makes two inputs equal. */
function shifted(by: number): Make {
  return (seed, shape) => {
    const { data } = spaced(seed, shape, 0.6)
    return tensor(
      data.map((value) => value + by),
      shape,
    )
  }
}

function choices(f: (...values: number[]) => number): Plain[] {
  const three = [shifted(0)(18, [2, 3]), shifted(0.2)(19, [3]), tensor([0.1], [])] as const
  return [
    ...binary(f, { a: shifted(0), b: shifted(0.2) }),
    { title: 'three inputs', inputs: three, attributes: {}, expected: () => [naive.elementwise(f, ...three)] },
    { title: 'one input', inputs: [spaced(18, [3])], attributes: {}, expected: () => [spaced(18, [3])] },
  ]
}

function comparisons(f: (a: number, b: number) => boolean): Plain[] {
  const whole: Make = (seed, shape) => tensor(normal(seed, shape).data.map(Math.round), shape)
  return binary((a, b) => Number(f(a, b)), { a: whole, b: whole }).map((row) => ({
    ...row,
    expected: () => row.expected().map((y) => as('bool', y as Numbers)),
  }))
}

function reductions(f: (values: number[]) => number): Case<'ReduceSum'>[] {
  const x = spaced(20, [2, 3, 4], 0.15)
  return [[0], [1], [2], [-1], [0, 2], [2, 0], [0, 1, 2], []].flatMap((axes) =>
    ([0, 1] as const).map((keepdims) => ({
      title: `axes [${axes.join(',')}], keepdims ${keepdims}`,
      inputs: [x, integers(axes)],
      attributes: { keepdims },
      constantFrom: 1,
      expected: () => [naive.reduce(x, axes.length === 0 ? [0, 1, 2] : axes.map((axis) => (axis + 3) % 3), { keepdims }, f)],
    })),
  )
}

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0)

function softmaxes(log: boolean): Case<'Softmax'>[] {
  return (
    [
      [[3, 5], -1],
      [[3, 5], 1],
      [[3, 5], 0],
      [[2, 3, 4], 1],
    ] as const
  ).map(([shape, axis]) => {
    const x = normal(21, shape)
    return {
      title: `[${shape.join(',')}] axis ${axis}`,
      inputs: [x],
      attributes: { axis },
      expected: () => [naive.softmax(x, axis < 0 ? axis + shape.length : axis, log)],
    }
  })
}

type Flag = 0 | 1
const flags: readonly (readonly [Flag, Flag])[] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]
const flip = (shape: readonly number[], flag: Flag): number[] => (flag ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : [...shape])

const batches: readonly (readonly [Shape, Shape])[] = [
  [
    [3, 4],
    [4, 5],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [3, 4],
    [2, 4, 5],
  ],
  [
    [2, 1, 3, 4],
    [1, 3, 4, 2],
  ],
]

function fusedProducts(): Case<'FusedMatMul'>[] {
  return flags.flatMap(([transA, transB]) =>
    batches.map(([left, right]) => {
      const [a, b] = [normal(22, flip(left, transA)), normal(23, flip(right, transB))]
      const attributes = { alpha: 0.5, transA, transB }
      return {
        title: `[${a.shape.join(',')}]${transA ? 'ᵀ' : ''}·[${b.shape.join(',')}]${transB ? 'ᵀ' : ''}`,
        inputs: [a, b],
        attributes,
        expected: () => [naive.matMul(a, b, attributes)],
      }
    }),
  )
}

function gemms(): Case<'Gemm'>[] {
  return flags.flatMap(([transA, transB]) =>
    ([null, [5], [3, 5], [3, 1], [1, 5], []] as const).map((bias) => {
      const [a, b] = [normal(24, flip([3, 4], transA)), normal(25, flip([4, 5], transB))]
      const c = bias ? normal(26, bias) : undefined
      const attributes = { alpha: 0.5, beta: 2, transA, transB }
      return {
        title: `transA ${transA} transB ${transB} C ${bias ? `[${bias.join(',')}]` : 'left out'}`,
        inputs: c ? [a, b, c] : [a, b],
        attributes,
        expected: () => [naive.gemm(a, b, attributes, c)],
      }
    }),
  )
}

function clips(): Case<'Clip'>[] {
  const x = spaced(27, [6, 15])
  const bounds = { '0 to 6': [0, 6], '−1 to 1': [-1, 1], 'from 2': [2, null], 'up to 3': [null, 3], open: [null, null] } as const
  return Object.entries(bounds).map(([title, [low, high]]) => ({
    title,
    inputs: [x, low === null ? null : scalar(low), high === null ? null : scalar(high)],
    attributes: {},
    constantFrom: 1,
    expected: () => [naive.elementwise((value) => Math.min(high ?? Infinity, Math.max(low ?? -Infinity, value)), x)],
  }))
}

type Cut = { readonly axis: number; readonly start: number; readonly end: number; readonly step: number }

function slices(): Case<'Slice'>[] {
  const lowest = -Number.MAX_SAFE_INTEGER
  const rows: Record<string, Cut[]> = {
    'a part': [{ axis: 1, start: 1, end: 4, step: 1 }],
    'step 2': [{ axis: 1, start: 0, end: 6, step: 2 }],
    'step 2 from 1, last not met': [{ axis: 1, start: 1, end: 100, step: 2 }],
    'step 3': [{ axis: 2, start: 0, end: 7, step: 3 }],
    'from the end': [{ axis: -1, start: -3, end: -1, step: 1 }],
    reversed: [{ axis: 1, start: -1, end: lowest, step: -1 }],
    'step −2': [{ axis: 2, start: 5, end: 0, step: -2 }],
    'step −3 from beyond': [{ axis: 2, start: 100, end: lowest, step: -3 }],
    'two axes': [
      { axis: 2, start: 1, end: 6, step: 2 },
      { axis: 0, start: -1, end: lowest, step: -1 },
    ],
  }
  const x = normal(28, [2, 6, 7])
  return Object.entries(rows).map(([title, cuts]) => ({
    title,
    inputs: [x, ...(['start', 'end', 'axis', 'step'] as const).map((key) => integers(cuts.map((cut) => cut[key])))],
    attributes: {},
    constantFrom: 1,
    expected: () => [naive.slice(x, cuts)],
    ...(title === 'step −2' ? { brokenOn: { webgpu: 'takes other places' } } : {}),
  }))
}

function paddings(): Case<'Pad'>[] {
  const x = normal(29, [2, 3, 4])
  const rows: Record<string, [pads: number[], fill: number | null, axes?: number[]]> = {
    'around two axes': [[0, 1, 2, 0, 2, 1], null],
    'with 1.5': [[1, 0, 0, 0, 0, 3], 1.5],
    'with its axes': [[0, 1, 2, 0, 2, 1], null, [-3, -2, -1]],
    nothing: [[0, 0, 0, 0, 0, 0], null],
    'negative: cut': [[0, -1, 0, 0, 0, -2], null],
    'cut and filled': [[0, -1, 1, 1, 0, -2], null],
  }
  return Object.entries(rows).map(([title, [pads, fill, axes]]) => ({
    title,
    inputs: [x, integers(pads), fill === null ? null : scalar(fill), ...(axes ? [integers(axes)] : [])],
    attributes: {},
    constantFrom: 1,
    expected: () => [naive.pad(x, pads, fill ?? 0)],
  }))
}

function scatters(): Case<'ScatterElements'>[] {
  const row = (
    title: string,
    [data, places, updates]: readonly [Numbers, Tensor<'int64'>, Numbers],
    attributes: Attributes['ScatterElements'],
  ): Case<'ScatterElements'> => ({
    title,
    inputs: [data, places, updates],
    attributes,
    constantFrom: 1,
    expected: () => [naive.scatter(data, places, updates, attributes)],
  })
  return [
    row('add, a place twice', [normal(30, [6]), integers([4, 0, 4, 5]), normal(31, [4])], { axis: 0, reduction: 'add' }),
    row('add along axis 1', [normal(30, [2, 4]), integers([3, 3, 0, 1], [2, 2]), normal(31, [2, 2])], { axis: 1, reduction: 'add' }),
    row('write', [normal(30, [6]), integers([4, 0, 5]), normal(31, [3])], { axis: 0, reduction: 'none' }),
  ]
}

function moved(title: string, from: Shape, [to, result]: readonly [readonly number[], Shape]): Plain {
  const x = normal(32, from)
  const expected = (): Tensor[] => [
    sizeOf(result) === sizeOf(from)
      ? { ...x, shape: result }
      : naive.elementwise((value) => value, x, { ...x, data: new Float32Array(sizeOf(result)), shape: result }),
  ]
  return { title, inputs: [x, integers(to)], attributes: {}, constantFrom: 1, expected }
}

function concats(): Case<'Concat'>[] {
  return (
    [
      [
        [
          [2, 3],
          [2, 1],
          [2, 4],
        ],
        1,
      ],
      [
        [
          [2, 3],
          [1, 3],
        ],
        0,
      ],
      [
        [
          [1, 2, 3, 2],
          [1, 3, 3, 2],
        ],
        -3,
      ],
      [[[2, 3]], 0],
    ] as const
  ).map(([parts, axis]) => {
    const inputs = parts.map((shape, i) => normal(33 + i, shape))
    return {
      title: `${parts.length} along axis ${axis}`,
      inputs,
      attributes: { axis },
      expected: () => [naive.concat(inputs, axis < 0 ? axis + parts[0].length : axis)],
    }
  })
}

function choosing(): Case<'Where'>[] {
  return (
    [
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      [[2, 1], [2, 3], []],
      [[3], [2, 3], [2, 1]],
      [[2, 2, 3], [3], [2, 1]],
    ] as const
  ).map(([c, x, y]) => {
    const inputs = [booleans(36, c), normal(37, x), normal(38, y)] as const
    return {
      title: `[${c.join(',')}] [${x.join(',')}] [${y.join(',')}]`,
      inputs,
      attributes: {},
      expected: () => [naive.elementwise((yes, a, b) => (yes ? a : b), ...inputs)],
    }
  })
}

const bytes = <D extends 'uint8' | 'int8' | 'int32'>(dtype: D, values: TensorData[D], shape: Shape = [values.length]): Tensor<D> => ({ data: values, shape, dtype }) // prettier-ignore

function quantizations(): Case<'QuantizeLinear'>[] {
  const noDifferences = 'steps'
  const scalar = [tensor([0.5], []), bytes('uint8', Uint8Array.of(10), [])] as const
  return [
    {
      title: 'uint8, halves to even, cut off at both ends',
      inputs: [tensor([0, 0.25, 0.75, -1.25, -5.5, 122.5, 200]), ...scalar],
      attributes: { axis: 0 },
      expected: () => [bytes('uint8', Uint8Array.of(10, 10, 12, 8, 0, 255, 255))],
      noDifferences,
    },
    {
      title: 'int8, one scale per row',
      inputs: [tensor([1, -1, 100, 1, -1, 100], [2, 3]), tensor([1, 0.1]), bytes('int8', Int8Array.of(0, -8))],
      attributes: { axis: 0 },
      expected: () => [bytes('int8', Int8Array.of(1, -1, 100, 2, -18, 127), [2, 3])],
      noDifferences,
    },
  ]
}

function dequantizations(): Case<'DequantizeLinear'>[] {
  const noDifferences = 'whole numbers'
  return [
    {
      title: 'uint8',
      inputs: [bytes('uint8', Uint8Array.of(0, 10, 255)), tensor([0.5], []), bytes('uint8', Uint8Array.of(10), [])],
      attributes: { axis: 0 },
      expected: () => [tensor([-5, 0, 122.5])],
      noDifferences,
    },
    {
      title: 'int8, one scale per column',
      inputs: [bytes('int8', Int8Array.of(1, -1, 127, -128), [2, 2]), tensor([1, 0.5]), bytes('int8', Int8Array.of(0, 1))],
      attributes: { axis: 1 },
      expected: () => [tensor([1, -1, 127, -64.5], [2, 2])],
      noDifferences,
    },
    {
      title: 'int32, one scale per row',
      inputs: [bytes('int32', Int32Array.of(3, -70000), [2, 1]), tensor([2, 0.25]), bytes('int32', Int32Array.of(0, 0))],
      attributes: { axis: 0 },
      expected: () => [tensor([6, -17500], [2, 1])],
      noDifferences,
    },
  ]
}

function casts(): Case<'Cast'>[] {
  const x = spaced(39, [3, 4], 1)
  return [
    { title: 'float32 to float32', inputs: [x], attributes: { to: 'float32' }, expected: () => [x] },
    { title: 'float32 to int64', inputs: [x], attributes: { to: 'int64' }, expected: () => [as('int64', x)], noDifferences: 'steps' },
    {
      title: 'float32 to bool',
      inputs: [tensor([0, 1, -2, 0.5])],
      attributes: { to: 'bool' },
      expected: () => [{ data: Uint8Array.of(0, 1, 1, 1), shape: [4], dtype: 'bool' }],
      noDifferences: 'steps',
    },
    {
      title: 'float32 to float16',
      inputs: [tensor([1, -2, 0.5])],
      attributes: { to: 'float16' },
      expected: () => [{ data: Uint16Array.of(0x3c00, 0xc000, 0x3800), shape: [3], dtype: 'float16' }],
      noDifferences: 'rounds',
      skipOn: { webgpu: 'a GPU with shader-f16' },
    },
    {
      title: 'bool to float32',
      inputs: [booleans(40, [2, 3])],
      attributes: { to: 'float32' },
      expected: () => [tensor([...booleans(40, [2, 3]).data], [2, 3])],
    },
    { title: 'int64 to float32', inputs: [integers([-3, 0, 7])], attributes: { to: 'float32' }, expected: () => [tensor([-3, 0, 7])] },
  ]
}

const hasBlocks = (await engine('cpu').blockSize()) > 0
const onBlocks = {
  skipOn: {
    webgpu: 'blocks, which only the processor has',
    cuda: 'blocks, which only the processor has',
    ...(hasBlocks ? {} : { cpu: 'blocks, which the engine has on x64 alone' }),
  },
}

/** On pictures of one pixel both orders are the same, whatever the processor's block; src/graph/passes/blocked/ has tests on larger ones. */
function blockedConvolutions(): Case<'BlockedConv'>[] {
  const [x, slope, offset, sum] = [normal(71, [2, 32, 1, 1]), normal(72, [32, 1, 1, 1]), normal(73, [32]), normal(74, [2, 32, 1, 1])]
  const single = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] }
  const affine = (act: (value: number) => number, added?: Numbers): Numbers =>
    tensor(
      x.data.map((value, i) => act(value * slope.data[i % 32]! + offset.data[i % 32]! + (added?.data[i] ?? 0))),
      x.shape,
    )
  const few = { title: 'one channel in plain order', inputs: [normal(75, [2, 1, 1, 1]), slope], attributes: { ...single, group: 1 } }
  const depthwise = { ...single, group: 32 }
  const relu = (value: number): number => Math.max(0, value)
  const clip = (value: number): number => Math.min(1, Math.max(-1, value))
  return [
    { title: 'depthwise', inputs: [x, slope, offset], attributes: depthwise, expected: () => [affine((value) => value)], ...onBlocks },
    {
      title: 'depthwise, sum and Relu',
      inputs: [x, slope, offset, sum],
      attributes: { ...depthwise, activation: 'Relu' },
      expected: () => [affine(relu, sum)],
      ...onBlocks,
    },
    {
      title: 'depthwise, Clip',
      inputs: [x, slope, offset],
      attributes: { ...depthwise, activation: 'Clip', activation_params: [-1, 1] },
      expected: () => [affine(clip)],
      ...onBlocks,
    },
    { ...few, expected: () => [naive.conv(few.inputs[0]!, slope, few.attributes)], ...onBlocks },
  ]
}

function blockedAverages(): Case<'BlockedAveragePool'>[] {
  const x = normal(76, [2, 32, 1, 1])
  return ([0, 1] as const).map((count_include_pad) => ({
    title: count_include_pad ? 'padding counted' : 'padding not counted',
    inputs: [x],
    attributes: { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad },
    expected: () => [
      tensor(
        x.data.map((value) => value / (count_include_pad ? 9 : 1)),
        x.shape,
      ),
    ],
    ...onBlocks,
  }))
}

/** Operators that leave pictures of one pixel as they are. */
function unmoved<A>(attributes: A): Row<A>[] {
  const x = normal(77, [2, 32, 1, 1])
  return [{ title: 'one pixel', inputs: [x], attributes, expected: () => [x], ...onBlocks }]
}

function channelsLast(): Row<Attributes['ReorderInput']>[] {
  const x = normal(77, [2, 1, 1, 32])
  return [{ title: 'channels last', inputs: [x], attributes: { channels_last: 1 }, expected: () => [{ ...x, shape: [2, 32, 1, 1] }], ...onBlocks }] // prettier-ignore
}

export const cases: { readonly [K in OpName]: readonly Case<K>[] } = {
  Conv: Object.entries(convolutions).map(([title, row]) => convolution(title, row)),
  ConvTranspose: [
    transposed('stride 1', { x: [2, 3, 4, 5], w: [3, 2, 3, 3] }),
    transposed('stride 2, output_padding', {
      x: [2, 5, 3, 4],
      w: [5, 5, 3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    }),
    transposed('stride 2, asymmetric pads', { x: [2, 3, 3, 4], w: [3, 6, 3, 3], strides: [2, 2], pads: [0, 0, 1, 1] }),
    transposed('dilation 2', { x: [1, 3, 3, 4], w: [3, 2, 3, 3], dilations: [2, 2], pads: [1, 1, 1, 1] }),
    transposed('depthwise', { x: [2, 3, 3, 4], w: [3, 1, 3, 3], strides: [2, 2], group: 3, output_padding: [1, 0] }),
    {
      ...transposed('grouped, two channels into one', { x: [2, 6, 3, 4], w: [6, 1, 3, 3], pads: [1, 1, 1, 1], group: 3 }),
      brokenOn: { webgpu: 'takes it for depthwise' },
    },
    transposed('grouped', { x: [2, 4, 3, 4], w: [4, 3, 3, 3], strides: [2, 2], pads: [1, 1, 1, 1], group: 2 }),
  ],
  BlockedConv: blockedConvolutions(),
  BlockedAveragePool: blockedAverages(),
  BlockedMaxPool: unmoved({ kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  BlockedGlobalAveragePool: unmoved({}),
  ReorderInput: [...unmoved({}), ...channelsLast()],
  ReorderOutput: unmoved({ channels: 32 }),
  MatMul: batches.map(([left, right]) => {
    const [a, b] = [normal(22, left), normal(23, right)]
    return { title: `[${left.join(',')}]·[${right.join(',')}]`, inputs: [a, b], attributes: {}, expected: () => [naive.matMul(a, b)] }
  }),
  Gemm: gemms(),
  FusedMatMul: fusedProducts(),
  BatchNormalization: [
    batchNorm('given statistics', [2, 3, 4, 5], 0),
    batchNorm('given statistics, no planes', [4, 3], 0),
    batchNorm('batch statistics', [2, 3, 4, 5], 1),
    batchNorm('batch statistics, no planes', [6, 3], 1),
  ],
  MaxPool: [
    ...maxima(),
    ...maxima().map(valuesOnly),
    {
      title: 'equal maxima: the first wins',
      inputs: [tied],
      attributes: overlapping,
      ...noIndices,
      expected: () => withPlaces(naive.pool(tied, overlapping)),
      noDifferences: 'a kink',
    },
  ],
  AveragePool: [...averages(0), ...averages(1)],
  Relu: unary((x) => Math.max(0, x)),
  Clip: clips(),
  HardSigmoid: (
    [
      [0.2, 0.5, 0.27],
      [1 / 6, 0.5, 0.27],
      [-0.3, 0.4, 0.4],
    ] as const
  ).map(([alpha, beta, gap]) => {
    const x = spaced(41, [6, 8], gap)
    return {
      title: `alpha ${alpha.toFixed(2)} beta ${beta}`,
      inputs: [x],
      attributes: { alpha, beta },
      expected: () => [naive.elementwise((value) => Math.min(1, Math.max(0, alpha * value + beta)), x)],
    }
  }),
  Softmax: [
    ...softmaxes(false),
    {
      title: 'large numbers',
      inputs: [tensor([1000, 1000, -1000], [1, 3])],
      attributes: { axis: 1 },
      expected: () => [tensor([0.5, 0.5, 0], [1, 3])],
    },
  ],
  LogSoftmax: softmaxes(true),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Tanh: unary(Math.tanh),
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b, { b: uniform }),
  Pow: binary((a, b) => a ** b, { a: uniform }).map((row) =>
    row.title === '[3,1] and [1,4]' ? { ...row, brokenOn: { webgpu: 'raw_hash_map::at' } } : row,
  ),
  Max: choices(Math.max),
  Min: choices(Math.min),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sign: unary(Math.sign),
  Sqrt: unary(Math.sqrt, { inputs: positive, extremes: [0, 1e10] }),
  Exp: unary(Math.exp, { extremes: [0, -100] }),
  Log: unary(Math.log, { inputs: positive, extremes: [1e-10, 1e10] }),
  Reciprocal: unary((x) => 1 / x, { inputs: positive, extremes: [-4, 1e10] }),
  Softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Where: choosing(),
  Equal: comparisons((a, b) => a === b),
  Greater: comparisons((a, b) => a > b),
  Less: comparisons((a, b) => a < b),
  Cast: casts(),
  QuantizeLinear: quantizations(),
  DequantizeLinear: dequantizations(),
  ReduceMean: reductions((values) => total(values) / values.length),
  ReduceSum: reductions(total),
  ReduceMax: [
    ...reductions((values) => Math.max(...values)),
    {
      title: 'equal maxima',
      inputs: [tensor([2, 2, 1, 2], [2, 2]), integers([1])],
      attributes: { keepdims: 0 },
      constantFrom: 1,
      expected: () => [tensor([2, 2])],
      noDifferences: 'a kink',
    },
  ],
  ReduceSumSquare: reductions((values) => total(values.map((value) => value * value))),
  Identity: unary((x) => x, { extremes: null }),
  Reshape: [
    moved('to a row', [2, 3, 4], [[24], [24]]),
    moved(
      '−1 is the rest',
      [2, 3, 4],
      [
        [4, -1],
        [4, 6],
      ],
    ),
    moved(
      '0 keeps',
      [2, 3, 4],
      [
        [0, -1],
        [2, 12],
      ],
    ),
    moved('to a scalar', [1, 1], [[], []]),
  ],
  Transpose: ([[1, 0], [0, 2, 3, 1], [2, 0, 1], [0]] as const).map((perm) => {
    const x = normal(42, [2, 3, 4, 5].slice(0, perm.length))
    return { title: `perm [${perm.join(',')}]`, inputs: [x], attributes: { perm }, expected: () => [naive.transpose(x, perm)] }
  }),
  Concat: concats(),
  Slice: slices(),
  Pad: paddings(),
  Expand: [
    moved(
      'a row',
      [3],
      [
        [2, 3],
        [2, 3],
      ],
    ),
    moved(
      'a middle axis',
      [2, 1, 3],
      [
        [2, 4, 3],
        [2, 4, 3],
      ],
    ),
    moved(
      'ones keep',
      [2, 3],
      [
        [1, 1, 1],
        [1, 2, 3],
      ],
    ),
    moved(
      'a scalar',
      [],
      [
        [2, 2],
        [2, 2],
      ],
    ),
  ],
  ScatterElements: scatters(),
}
