/**
 * @file Means over windows in 8 bits as products with matrices.
 *
 * A mean that does not count padding is a mean over columns after a mean over rows, and either is a product: Y = D·X·Aᵀ, where row i of A holds
 * 1/n at the n columns that lie in window i. With m the least common multiple of all n, m/n is a whole number, so these matrices are exact
 * in 8 bits. The engine has fast 8-bit products, while its 8-bit means go through float32 one number after the other: on InceptionV3, whose windows
 * lap over each other, they took 9 % of the time, products 3 %.
 */
import type { Node, Value } from '../graph.ts'
import type { Attributes } from '../operators/signatures.ts'
import type { Tape } from '../tape.ts'
import { dequantized, rounded } from './bytes.ts'
import type { Scale } from './quantize-numbers.ts'

/** Pictures of so few pixels are averaged by one product over both axes, which rounds once. */
const FEW_PIXELS = 100
/** Of larger ones the matrices have more zeros than anything else. */
const MOST_PIXELS = 128

interface Averaged {
  /** Pictures [N,C,height,width] with numbers that are 8 bits of scale `from`. */
  readonly x: Value
  readonly from: Scale
  /** Of the result. */
  readonly to: Scale
}

/** The result of an `AveragePool` in 8 bits; undefined where windows do not lap over each other, or counts do not fit 8 bits. */
export function averageByProducts(tape: Tape, { attributes, name }: Node<'AveragePool'>, { x, from, to }: Averaged): Value | undefined {
  const [, channels = 0, height = 0, width = 0] = x.shape as number[]
  const [down, across] = [windows(attributes, 0, height), windows(attributes, 1, width)]
  if (!down || !across) return undefined
  const [h, w] = [down.rows, across.rows]
  const mean = (value: Value, by: Windows, scale: Scale): Value =>
    rounded(tape, tape.op('MatMul', [matrix(tape, by, name), value], {}), scale)
  const shaped = (value: Value, shape: readonly number[], scale: Scale): Value =>
    rounded(tape, tape.op('Reshape', [value, tape.integers(shape)], {}), scale)
  // The engine keeps 8-bit pictures with their channels last, so that this costs nothing.
  const turned = rounded(tape, tape.op('Transpose', [x], { perm: [0, 2, 3, 1] }), from)
  const both = height * width <= FEW_PIXELS ? joined(down, across) : undefined
  const lines = both ? turned : mean(shaped(turned, [-1, width, channels], from), across, from)
  const means = both
    ? mean(shaped(lines, [-1, height * width, channels], from), both, to)
    : mean(shaped(lines, [-1, height, w * channels], from), down, to)
  return tape.op('Transpose', [shaped(means, [-1, h, w, channels], to)], { perm: [0, 3, 1, 2] })
}

/** A matrix of whole numbers, which are means when divided by `whole`. */
interface Windows {
  readonly numbers: Uint8Array
  readonly rows: number
  readonly columns: number
  readonly whole: number
}

function windows(attributes: Attributes['AveragePool'], axis: 0 | 1, size: number): Windows | undefined {
  const { kernel_shape, strides, pads, count_include_pad } = attributes
  const [kernel = 1, before = 0, after = 0] = [kernel_shape[axis], pads[axis], pads[axis + 2]]
  if (strides[axis] !== 1 || (count_include_pad && before + after > 0) || size > MOST_PIXELS) return undefined
  const rows = size + before + after - kernel + 1
  const spans = Array.from({ length: rows }, (_, i) => [Math.max(0, i - before), Math.min(size, i - before + kernel)] as const)
  const whole = spans.map(([from, to]) => to - from).reduce(leastCommonMultiple)
  const numbers = new Uint8Array(rows * size)
  for (const [row, [from, to]] of spans.entries()) {
    if (whole / (to - from) > 255) return undefined
    numbers.fill(whole / (to - from), row * size + from, row * size + to)
  }
  return { numbers, rows, columns: size, whole }
}

/** Both axes at once: the Kronecker product. */
function joined(down: Windows, across: Windows): Windows | undefined {
  const [rows, columns] = [down.rows * across.rows, down.columns * across.columns]
  const numbers = Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns]
    const above = down.numbers[Math.floor(row / across.rows) * down.columns + Math.floor(column / across.columns)]!
    return above * across.numbers[(row % across.rows) * across.columns + (column % across.columns)]!
  })
  if (numbers.some((number) => number > 255)) return undefined
  return { numbers: Uint8Array.from(numbers), rows, columns, whole: down.whole * across.whole }
}

function matrix(tape: Tape, { numbers, rows, columns, whole }: Windows, name: string): Value {
  const constant = tape.constant({ data: numbers, shape: [rows, columns], dtype: 'uint8' }, `${name}/windows`)
  return dequantized(tape, constant, { scale: 1 / whole, zero: 0 })
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b]
  while (rest > 0) [divisor, rest] = [rest, divisor % rest]
  return (a / divisor) * b
}
