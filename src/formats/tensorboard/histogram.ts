/** @file The buckets of a histogram, as TensorFlow's summaries count them (tensorboard/plugins/histogram/summary_v2.py). */

/** TensorFlow's number of buckets. */
export const defaultBuckets = 30

/**
 * Rows of left edge, right edge and count, `buckets` of them, over the finite numbers. Equal numbers all fall into the last bucket,
 * whose edges are both that number; without numbers all rows are 0.
 */
export function histogramBuckets(values: ArrayLike<number>, buckets = defaultBuckets): Float64Array {
  const rows = new Float64Array(buckets * 3)
  const { least, most, count } = rangeOf(values)
  if (count === 0) return rows
  const range = most - least
  const width = range / buckets
  for (let i = 0; i < buckets; i++) {
    rows[i * 3] = i === 0 || range === 0 ? least : least + width * i
    rows[i * 3 + 1] = i === buckets - 1 || range === 0 ? most : least + width * (i + 1)
  }
  if (range === 0) {
    rows[buckets * 3 - 1] = count
    return rows
  }
  const counts = countsOf(values, { least, width, buckets })
  for (let i = 0; i < buckets; i++) rows[i * 3 + 2] = counts[i]!
  return rows
}

/** A number this close to an edge is divided as TensorFlow divides; for all others a product, which is quicker, finds the same bucket. */
const NEAR = 1e-6

function countsOf(values: ArrayLike<number>, { least, width, buckets }: { least: number; width: number; buckets: number }): Float64Array {
  const counts = new Float64Array(buckets)
  const perWidth = 1 / width
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    const place = (value - least) * perWidth
    let bucket = Math.floor(place)
    const beyond = place - bucket
    if (!(beyond > NEAR && beyond < 1 - NEAR)) bucket = Math.min(buckets - 1, Math.floor((value - least) / width))
    counts[bucket]! += 1
  }
  return counts
}

function rangeOf(values: ArrayLike<number>): { least: number; most: number; count: number } {
  let least = Infinity
  let most = -Infinity
  let count = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    // Only finite numbers leave nothing when taken from themselves; asked so, a network's weights take a third of the time.
    if (value - value !== 0) continue
    if (value < least) least = value
    if (value > most) most = value
    count++
  }
  return { least, most, count }
}
