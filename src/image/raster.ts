/** @file Fills polygons with smooth edges into a square RGB picture: all that the drawn animals need. */

export type Point = readonly [x: number, y: number]

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number]

/** A square picture under work; values outside 0 to 255 are clamped. */
export interface Canvas {
  readonly data: Uint8ClampedArray
  readonly size: number
}

/** Lines per pixel row in which coverage is measured. */
const SUBLINES = 4

export function canvas(size: number): Canvas {
  return { data: new Uint8ClampedArray(size * size * 3), size }
}

/** Fills a closed polygon (even-odd rule), given in pixels; `opacity` from 0 to 1. */
export function fill({ data, size }: Canvas, points: readonly Point[], colour: Colour, opacity = 1): void {
  const heights = points.map(([, y]) => y)
  const top = Math.max(0, Math.floor(Math.min(...heights)))
  const bottom = Math.min(size, Math.ceil(Math.max(...heights)))
  const cover = new Float32Array(size)
  for (let row = top; row < bottom; row++) {
    cover.fill(0)
    for (let k = 0; k < SUBLINES; k++) coverLine(cover, crossings(points, row + (k + 0.5) / SUBLINES))
    for (let x = 0, at = row * size * 3; x < size; x++, at += 3) {
      const share = (cover[x]! * opacity) / SUBLINES
      if (share === 0) continue
      for (let c = 0; c < 3; c++) data[at + c] = data[at + c]! + (colour[c]! - data[at + c]!) * share
    }
  }
}

/** Where the outline meets the line at height y, from left to right. */
function crossings(points: readonly Point[], y: number): number[] {
  const found: number[] = []
  let [x0, y0] = points.at(-1) ?? [0, 0]
  for (const [x1, y1] of points) {
    if (y0 <= y !== y1 <= y) found.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0))
    x0 = x1
    y0 = y1
  }
  return found.sort((a, b) => a - b)
}

/** Adds, for every pixel of the row, the share of its width that lies inside. */
function coverLine(cover: Float32Array, edges: readonly number[]): void {
  for (let i = 0; i + 1 < edges.length; i += 2) {
    const from = Math.max(0, edges[i]!)
    const to = Math.min(cover.length, edges[i + 1]!)
    for (let x = Math.floor(from); x < to; x++) cover[x]! += Math.min(x + 1, to) - Math.max(x, from)
  }
}

/** An ellipse as a polygon; `angle` in radians. */
export function ellipse([x, y]: Point, [rx, ry]: Point, angle = 0): Point[] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return Array.from({ length: 32 }, (_, i) => {
    const turn = (i * Math.PI) / 16
    const [dx, dy] = [rx * Math.cos(turn), ry * Math.sin(turn)]
    return [x + dx * cos - dy * sin, y + dx * sin + dy * cos]
  })
}

/** A curve through three points (the middle one pulls), as wide as `from` at its start and `to` at its end. */
export function stroke([a, b, c]: readonly [Point, Point, Point], [from, to]: Point): Point[] {
  const left: Point[] = []
  const right: Point[] = []
  for (let i = 0; i <= 12; i++) {
    const t = i / 12
    const at = (k: 0 | 1): number => (1 - t) ** 2 * a[k] + 2 * t * (1 - t) * b[k] + t ** 2 * c[k]
    const slope = (k: 0 | 1): number => (1 - t) * (b[k] - a[k]) + t * (c[k] - b[k])
    const half = (from + (to - from) * t) / 2 / (Math.hypot(slope(0), slope(1)) || 1)
    left.push([at(0) - slope(1) * half, at(1) + slope(0) * half])
    right.push([at(0) + slope(1) * half, at(1) - slope(0) * half])
  }
  return [...left, ...right.reverse()]
}
