/** @file Augmentations of whole batches, which mix pictures and their labels: mixup and cutmix, with Keras's arguments. */
import { RootstockError, refuseUnknown, shownValue } from '../../errors.ts'
import { showShape, sizeOf } from '../../tensor/index.ts'
import type { Random, Tensor } from '../../tensor/index.ts'
import { between, bounds, describeSettings } from './augmentation.ts'
import type { Factor } from './augmentation.ts'

/** Pictures [n, height, width, channels] (for mixup of any shape [n, …]) and one row of label shares per picture [n, classes]. */
export interface Batch {
  /** Pictures or features, [n, …]. */
  readonly x: Tensor<'float32'>
  /** Labels, one-hot: [n, classes]. */
  readonly y: Tensor<'float32'>
}

/** A random change of a batch, for training only. */
export interface BatchAugmentation {
  /** Of the function that made it. */
  readonly name: string
  /** Name and settings in one line. */
  readonly description: string
  /** The batch mixed with itself; the same seed gives the same mixture. */
  apply(batch: Batch, rng: Random): Batch
}

/** Adds to each picture another one of the batch, and their labels alike; the share of the first is drawn from Beta(alpha, alpha), default 0.2. */
export function mixup(options: { readonly alpha?: number } = {}): BatchAugmentation {
  refuseUnknown('mixup', options, { alpha: true })
  const { alpha = 0.2 } = options
  if (!(Number.isFinite(alpha) && alpha > 0 && alpha <= 1))
    throw new RootstockError('USAGE', `Cannot augment: alpha is ${shownValue(alpha)}, expected a number above 0, up to 1`)
  return {
    name: 'mixup',
    description: describeSettings('mixup', { alpha }),
    apply(batch, rng) {
      const count = checkedCount(batch)
      const order = rng.shuffle(Array.from({ length: count }, (_, i) => i))
      const weights = order.map(() => beta(rng, alpha))
      return { x: blend(batch.x, order, weights), y: blend(batch.y, order, weights) }
    },
  }
}

/**
 * Puts a rectangle of another picture of the batch into each picture, and mixes their labels by area. The area's share is drawn from
 * Beta(a, a) with a up to `factor` (0 to 1, default 1), or between its two bounds.
 */
export function cutmix(options: { readonly factor?: Factor } = {}): BatchAugmentation {
  refuseUnknown('cutmix', options, { factor: true })
  const { factor = 1 } = options
  const range = bounds('factor', factor, [0, 1])
  return {
    name: 'cutmix',
    description: describeSettings('cutmix', { factor: range }),
    apply(batch, rng) {
      const count = checkedCount(batch)
      const [, height = 1, width = 1] = batch.x.shape
      const alpha = between(rng, range) + 1e-6
      const boxes = Array.from({ length: count }, () => drawBox(rng, Math.sqrt(1 - beta(rng, alpha)), [height, width]))
      const order = rng.shuffle(Array.from({ length: count }, (_, i) => i))
      return cutAndMix(batch, order, boxes)
    },
  }
}

/** Weight · own row + (1 − weight) · the row at `order`, for the first axis. */
export function blend(values: Tensor<'float32'>, order: readonly number[], weights: readonly number[]): Tensor<'float32'> {
  const width = sizeOf(values.shape.slice(1))
  const data = new Float32Array(values.data.length)
  order.forEach((other, row) => {
    const weight = weights[row] ?? 1
    for (let i = 0; i < width; i++)
      data[row * width + i] = weight * values.data[row * width + i]! + (1 - weight) * values.data[other * width + i]!
  })
  return { ...values, data }
}

/** A rectangle in pixels; a pixel belongs to it from `x0` up to, but not at, `x1`. */
export interface Box {
  readonly x0: number
  readonly x1: number
  readonly y0: number
  readonly y1: number
}

/** Each picture with its box taken from the picture at `order`; labels by the box's exact area, as in Keras. */
export function cutAndMix({ x, y }: Batch, order: readonly number[], boxes: readonly Box[]): Batch {
  const [, height = 1, width = 1, channels = 1] = x.shape
  const data = x.data.slice()
  const weights = order.map((other, row) => {
    const { x0, x1, y0, y1 } = boxes[row] ?? { x0: 0, x1: 0, y0: 0, y1: 0 }
    const [left, right] = [Math.ceil(x0), Math.min(width, Math.ceil(x1))]
    for (let line = Math.ceil(y0); line < Math.min(height, y1); line++) {
      const from = ((other * height + line) * width + left) * channels
      const to = ((row * height + line) * width + left) * channels
      if (right > left) data.set(x.data.subarray(from, from + (right - left) * channels), to)
    }
    return 1 - ((x1 - x0) * (y1 - y0)) / (width * height)
  })
  return { x: { ...x, data }, y: blend(y, order, weights) }
}

function drawBox(rng: Random, ratio: number, [height, width]: readonly [number, number]): Box {
  const [across, down] = [ratio * width, ratio * height]
  const x0 = rng.uniform() * (width - across)
  const y0 = rng.uniform() * (height - down)
  return { x0, x1: x0 + across, y0, y1: y0 + down }
}

/** A draw from Beta(alpha, alpha), as the share of one gamma draw among two; in logarithms, since draws for a small alpha vanish. */
function beta(rng: Random, alpha: number): number {
  const difference = logGamma(rng, alpha) - logGamma(rng, alpha)
  return 1 / (1 + Math.exp(-difference))
}

/** The logarithm of a draw from Gamma(alpha): Marsaglia and Tsang's method for alpha + 1, brought down by a power of a uniform draw. */
function logGamma(rng: Random, alpha: number): number {
  const d = alpha + 1 - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const normal = rng.normal()
    const v = (1 + c * normal) ** 3
    if (v <= 0) continue
    if (Math.log(1 - rng.uniform()) < 0.5 * normal ** 2 + d - d * v + d * Math.log(v))
      return Math.log(d * v) + Math.log(1 - rng.uniform()) / alpha
  }
}

function checkedCount({ x, y }: Partial<Batch>): number {
  if (!x || !y) {
    throw new RootstockError('USAGE', 'Cannot mix: found one picture, expected a batch { x, y }', {
      hint: 'mixup and cutmix are no augmentation of one picture; give them as mix',
    })
  }
  const [count = 0] = x.shape
  if (y.shape.length === 2 && y.shape[0] === count) return count
  throw new RootstockError(
    'SHAPE',
    `Cannot mix a batch of ${showShape(x.shape)} with labels of ${showShape(y.shape)}: expected labels [${count}, classes]`,
    {
      hint: "Use labelMode 'categorical'",
    },
  )
}
