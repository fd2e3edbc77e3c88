/** @file Long curves drawn with no more points than can be seen. */

/** A value and the place where it stood. */
export type Point = readonly [index: number, value: number]

/**
 * The values as points: all of them, or, when there are more than two for each of `columns`, the first, last, least and greatest
 * of each column, so that no spike is lost. A column with values that are not finite keeps one of them, so that gaps stay gaps.
 */
export function thin(values: readonly number[], columns: number): Point[] {
  const all = (): Point[] => values.map((value, i) => [i, value])
  if (values.length <= columns * 2) return all()
  const points: Point[] = []
  for (let column = 0; column < columns; column++) {
    const start = Math.floor((column * values.length) / columns)
    const end = Math.floor(((column + 1) * values.length) / columns)
    for (const i of landmarks(values, start, end)) points.push([i, values[i] ?? NaN])
  }
  return points
}

/** Mean of the finite values at most `reach` places away; NaN where the value itself is not finite. */
export function smooth(values: readonly number[], reach: number): number[] {
  return values.map((value, i) => {
    if (!Number.isFinite(value)) return NaN
    const near = values.slice(Math.max(0, i - reach), i + reach + 1).filter(Number.isFinite)
    return near.reduce((sum, other) => sum + other / near.length, 0)
  })
}

/** Places of the first, last, least, greatest and first missing value from `start` to before `end`, in order. */
function landmarks(values: readonly number[], start: number, end: number): number[] {
  let least: number | undefined
  let greatest: number | undefined
  let missing: number | undefined
  for (let i = start; i < end; i++) {
    const value = values[i] ?? NaN
    if (!Number.isFinite(value)) {
      missing ??= i
      continue
    }
    if (least === undefined || value < (values[least] ?? NaN)) least = i
    if (greatest === undefined || value > (values[greatest] ?? NaN)) greatest = i
  }
  const places = [start, end - 1, least, greatest, missing].filter((place) => place !== undefined)
  return [...new Set(places)].sort((a, b) => a - b)
}
