/** @file Layers that change the shape only. */
import { RootstockError } from '../errors.ts'
import { showShape, type Dim } from '../tensor/index.ts'
import { pair, type Pair, type PairLike } from './geometry.ts'
import type { LayerKind } from './kind.ts'
import { Layer, type LayerOptions } from './layer.ts'
import { fromKerasLayout, toKerasLayout } from './layout.ts'

export interface ZeroPadding2DOptions extends LayerOptions {
  /** Pixels on all sides, [vertical, horizontal], or [[top, bottom], [left, right]]. Default 1. */
  readonly padding?: PairLike | readonly [Pair, Pair]
}
export interface ReshapeOptions extends LayerOptions {
  /** Without the batch; one size may be −1. */
  readonly targetShape: readonly number[]
}

export const zeroPaddingKind: LayerKind<{ readonly padding: readonly [Pair, Pair] }> = {
  className: 'ZeroPadding2D',
  outputShape({ padding: [rows, columns] }, [shape]) {
    const [n, h, w, c] = shape!
    if (shape!.length !== 4) throw new Error('expected 4 axes')
    return [n ?? null, h == null ? null : h + rows[0] + rows[1], w == null ? null : w + columns[0] + columns[1], c ?? null]
  },
  lower({ tape, x, config, name }) {
    const [[top, bottom], [left, right]] = config.padding
    return tape.op('Pad', [x, tape.integers([0, 0, top, left, 0, 0, bottom, right]), null], {}, name)
  },
}

export const flattenKind: LayerKind<Record<never, never>> = {
  className: 'Flatten',
  outputShape: (_config, [shape]) => [shape![0] ?? null, product(shape!.slice(1))],
  // Keras flattens height, width, channels: the graph's order must be turned before.
  lower({ tape, x, shapes, name }) {
    const width = product(shapes[0]!.slice(1))
    return tape.op('Reshape', [toKerasLayout(tape, x), tape.integers([x.shape[0] ?? 0, width ?? -1])], {}, name)
  },
}

export const reshapeKind: LayerKind<{ readonly targetShape: readonly number[] }> = {
  className: 'Reshape',
  outputShape: (config, [shape]) => [shape![0] ?? null, ...filled(config.targetShape, product(shape!.slice(1)))],
  lower({ tape, x, config, shapes, name }) {
    const target = filled(config.targetShape, product(shapes[0]!.slice(1))).map((size) => size ?? -1)
    return fromKerasLayout(tape, tape.op('Reshape', [toKerasLayout(tape, x), tape.integers([x.shape[0] ?? 0, ...target])], {}, name))
  },
}

/** Adds zeros around height and width. */
export function zeroPadding2d(options: ZeroPadding2DOptions = {}): Layer {
  const given = options.padding ?? 1
  const nested = typeof given !== 'number' && Array.isArray(given[0])
  const [rows, columns] = nested ? (given as readonly [Pair, Pair]) : pair(given as PairLike, 'padding', 0).map((n): Pair => [n, n])
  return new Layer(zeroPaddingKind as LayerKind, { padding: [pair(rows, 'padding', 0), pair(columns, 'padding', 0)] }, options)
}

/** All axes but the batch become one, in Keras's order (height, width, channels). */
export function flatten(options: LayerOptions = {}): Layer {
  return new Layer(flattenKind, {}, options)
}

/** Another shape for the same numbers, in Keras's order. */
export function reshape(options: ReshapeOptions): Layer {
  const { targetShape } = options
  const isShape = targetShape.every((size) => Number.isInteger(size) && (size >= 1 || size === -1))
  if (!isShape || targetShape.filter((size) => size === -1).length > 1) {
    const found = JSON.stringify(targetShape)
    throw new RootstockError('USAGE', `Invalid targetShape: found ${found}, expected whole numbers of at least 1, of which one may be -1`)
  }
  return new Layer(reshapeKind as LayerKind, { targetShape }, options)
}

function product(sizes: readonly Dim[]): Dim {
  return sizes.reduce((sum, size) => (sum === null || size === null ? null : sum * size), 1)
}

function filled(target: readonly number[], total: Dim): Dim[] {
  const rest = target.filter((size) => size !== -1).reduce((sum, size) => sum * size, 1)
  if (total !== null && (target.includes(-1) ? total % rest !== 0 : total !== rest)) {
    throw new RootstockError('SHAPE', `Cannot reshape ${total} values to ${showShape(target)}`)
  }
  return target.map((size) => (size === -1 ? (total === null ? null : total / rest) : size))
}
