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
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    const bucket = Math.min(buckets - 1, Math.floor((value - least) / width))
    rows[bucket * 3 + 2]! += 1
  }
  return rows
}

function rangeOf(values: ArrayLike<number>): { least: number; most: number; count: number } {
  let [least, most, count] = [Infinity, -Infinity, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    if (value < least) least = value
    if (value > most) most = value
    count++
  }
  return { least, most, count }
}
