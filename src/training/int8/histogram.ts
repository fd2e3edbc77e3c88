/** @file What is remembered of the numbers that one value of a graph takes: their ends exactly, and how they are spread. */
import type { Range } from '../../graph/index.ts'

/** Ways to choose a range. */
export const rangeMethods = ['minMax', 'percentile', 'squaredError'] as const
/** minMax: all numbers; percentile: all but one in 10,000 at either end; squaredError: the least mean square of rounding and cutting. */
export type RangeMethod = (typeof rangeMethods)[number]

/** Numbers seen so far. */
export interface Histogram {
  /** Some values that show how all are spread, and the least and the greatest of all. */
  add(values: Float32Array, ends: Range): void
  range(method: RangeMethod): Range
}

const half = 2048
/** Numbers looked at for the spread, of one value of one photo; the ends are those of all numbers. */
const sampled = 1 << 13
const outside = 1e-4

/** Every how manieth of so many numbers shows how they are spread. An odd step meets every column of a picture in turn. */
export function sampleStep(count: number): number {
  return Math.max(1, Math.floor(count / sampled)) | 1
}

/** Every how manieth row and column of pictures of that area shows how all are spread. */
export function sampleStepOfPicture(channels: number, [height = 1, width = 1]: readonly number[]): number {
  return Math.max(1, Math.round(Math.sqrt((channels * height * width) / sampled)))
}

/** An empty histogram. Its bins grow with the numbers, so one pass is enough. */
export function createHistogram(): Histogram {
  const bins = new Float64Array(2 * half)
  let [min, max, reach] = [Infinity, -Infinity, 0]

  return {
    add(values, ends) {
      min = Math.min(min, ends.min)
      max = Math.max(max, ends.max)
      reach = grown(bins, reach, Math.max(Math.abs(min), Math.abs(max)))
      const width = half / reach
      // Cutting off what lies after the point is rounding down here, and takes a third of the time of Math.floor.
      for (let i = 0; i < values.length; i++) bins[Math.min(2 * half - 1, (values[i]! * width + half) | 0)]!++
    },
    range(method) {
      const whole = { min, max }
      if (method === 'minMax' || !(max > min)) return whole
      const seen = { bins, width: reach / half }
      const found = method === 'percentile' ? percentile(seen) : leastError(seen, whole)
      return { min: Math.max(min, found.min), max: Math.min(max, found.max) }
    },
  }
}

/** Doubles the reach until it covers `most`, joining bins in pairs about the middle. */
function grown(bins: Float64Array, reach: number, most: number): number {
  if (reach === 0) return 2 ** Math.ceil(Math.log2(Math.max(most, 1e-20)) + 1e-9)
  let wider = reach
  for (; wider < most; wider *= 2) {
    const old = bins.slice()
    bins.fill(0)
    old.forEach((count, i) => (bins[half + Math.floor((i - half) / 2)]! += count))
  }
  return wider
}

interface Seen {
  readonly bins: Float64Array
  /** Of one bin. */
  readonly width: number
}

function percentile({ bins, width }: Seen): Range {
  const total = bins.reduce((sum, count) => sum + count, 0)
  const edge = (order: (i: number) => number): number => {
    let passed = 0
    for (let i = 0; i < bins.length; i++) {
      passed += bins[order(i)]!
      if (passed > total * outside) return order(i)
    }
    return half
  }
  const [low, high] = [edge((i) => i), edge((i) => bins.length - 1 - i)]
  return { min: (low - half) * width, max: (high + 1 - half) * width }
}

/** Rounding to steps costs step²/12 on average, what is cut off its distance squared. */
function leastError(seen: Seen, { min, max }: Range): Range {
  let best = { error: Infinity, range: { min, max } }
  for (let share = 1; share > 0.2; share -= 0.02) {
    const range = { min: Math.min(0, min) * share, max: Math.max(0, max) * share }
    const error = squaredError(seen, range)
    if (error < best.error) best = { error, range }
  }
  return best.range
}

function squaredError({ bins, width }: Seen, { min, max }: Range): number {
  const rounding = ((max - min) / 255) ** 2 / 12
  let sum = 0
  for (let i = 0; i < bins.length; i++) {
    if (bins[i] === 0) continue
    const x = (i + 0.5 - half) * width
    const beyond = x > max ? x - max : x < min ? min - x : 0
    // Exact zeros, which ReLU makes many of, round to themselves.
    sum += bins[i]! * (beyond > 0 ? beyond * beyond : i === half ? 0 : rounding)
  }
  return sum
}
