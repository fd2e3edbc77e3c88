/** @file Appends the update of every weight to the step graph: clipping, decay, then the optimizer's rule, in Keras's order. */
import { steps, type Tape, type Value } from '../../graph/index.ts'
import { sizeOf, type Shape } from '../../tensor/index.ts'
import type { Clipping, Optimizer } from './optimizer.ts'

const { add, div, mul, scale, sqrt, sub } = steps

export interface Descent {
  readonly weight: Value
  readonly gradient: Value
  readonly slots: Readonly<Record<string, Value>>
  /** On the whole change of the weight: every rule's change is proportional to the learning rate. Default 1. */
  readonly factor?: number | undefined
}

export interface Applied {
  readonly weight: Value
  readonly slots: Readonly<Record<string, Value>>
}

/** The graph's inputs for the rule's numbers, and for the learning rate. */
export interface StepNumbers {
  readonly scalars: Readonly<Record<string, Value>>
  readonly rate: Value
}

/** Records the update of every weight from its gradient: clipping, decay, then the optimizer's rule. */
export function applyOptimizer(tape: Tape, optimizer: Optimizer, descents: readonly Descent[], { scalars, rate }: StepNumbers): Applied[] {
  const clippedGradients = clip(
    tape,
    optimizer.clipping,
    descents.map(({ gradient }) => gradient),
  )
  return descents.map(({ weight, slots, factor = 1 }, i) => {
    // w ← w − η·λ·w before the step
    const decayed = optimizer.weightDecay === 0 ? weight : sub(tape, weight, mul(tape, scale(tape, weight, optimizer.weightDecay), rate))
    const updated = optimizer.rule.update({ tape, weight: decayed, gradient: clippedGradients[i]!, slots, scalars })
    return factor === 1 ? updated : { ...updated, weight: add(tape, weight, scale(tape, sub(tape, updated.weight, weight), factor)) }
  })
}

function clip(tape: Tape, clipping: Clipping, gradients: readonly Value[]): readonly Value[] {
  switch (clipping.kind) {
    case 'none':
      return gradients
    case 'value':
      return gradients.map((gradient) => tape.op('Clip', [gradient, tape.number(-clipping.limit), tape.number(clipping.limit)], {}))
    // g·limit/max(‖g‖, limit)
    case 'norm':
      return gradients.map((gradient) => shrink(tape, gradient, sqrt(tape, squares(tape, gradient)), clipping.limit))
    case 'globalNorm': {
      const norm = sqrt(
        tape,
        gradients.map((gradient) => squares(tape, gradient)).reduce((sum, next) => add(tape, sum, next)),
      )
      return gradients.map((gradient) => shrink(tape, gradient, norm, clipping.limit))
    }
  }
}

/** Σ v². The engine adds squares one by one, which loses digits in long sums, and numbers in a tree: so rows come first, then their sums. */
function squares(tape: Tape, value: Value): Value {
  const axes = value.shape.map((_, axis) => axis)
  const inner = axes.slice(rowsOf(value.shape as Shape))
  const rows = tape.op('ReduceSumSquare', [value, tape.integers(inner)], { keepdims: 0 })
  return inner.length === axes.length ? rows : steps.sumOver(tape, rows, axes.slice(0, -inner.length))
}

/** How many of the axes count rows, for rows about as long as there are many. */
function rowsOf(shape: Shape): number {
  const longest = (axes: number): number => Math.max(sizeOf(shape.slice(0, axes)), sizeOf(shape.slice(axes)))
  return shape.reduce((best, _, axes) => (longest(axes) < longest(best) ? axes : best), 0)
}

function shrink(tape: Tape, gradient: Value, norm: Value, limit: number): Value {
  const bound = tape.op('Max', [norm, tape.number(limit)], {})
  return mul(tape, gradient, div(tape, tape.number(limit), bound))
}
