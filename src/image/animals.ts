/** @file The shapes of a cat and a dog. Measures are in head radii, y downwards, the head at 0, 0. */
import type { Random } from '../tensor/index.ts'
import { ellipse, stroke, type Colour, type Point } from './raster.ts'

/** What varies from animal to animal and is no sign of its kind. */
export interface Look {
  readonly fur: Colour
  readonly dark: Colour
  readonly pale: Colour
  /** Stripes and patches. */
  readonly mark: Colour
  readonly eye: Colour
  /** How far the face looks to one side, in head radii. */
  readonly yaw: number
  /** How far the head leans, in radians. */
  readonly tilt: number
}

/** Fills a polygon. */
export type Brush = (points: readonly Point[], colour: Colour, opacity?: number) => void

const BLACK: Colour = [22, 20, 22]
const WHITE: Colour = [250, 250, 248]
const PINK: Colour = [226, 130, 140]
const SIDES = [-1, 1] as const

/** Pointed ears, a flat face with slit eyes, whiskers, a thin curved tail. */
export function drawCat(brush: Brush, look: Look, r: Random): void {
  const vary = (value: number, by = 0.15): number => value * (1 + (2 * r.uniform() - 1) * by)
  drawCatBody(brush, look, vary)
  const head = leaning(brush, look.tilt)
  const [earWidth, earHeight] = [vary(0.62), vary(0.92, 0.2)]
  for (const side of SIDES) {
    const tip: Point = [side * vary(0.86, 0.12), -0.62 - earHeight]
    head([[side * 0.98, -0.3], tip, [side * (0.95 - earWidth), -0.72]], look.fur) // prettier-ignore
    head([[side * 0.88, -0.52], [tip[0] * 0.97, tip[1] + 0.24], [side * (1.02 - earWidth), -0.76]], PINK, 0.8) // prettier-ignore
  }
  head(ellipse([0, 0], [vary(1.08, 0.06), vary(0.88, 0.06)]), look.fur)
  if (r.uniform() < 0.6) drawStripes(head, look)
  const face = turned(head, look.yaw)
  for (const side of SIDES) face(ellipse([side * 0.2, 0.42], [0.28, 0.22]), look.pale)
  const slit = vary(0.06, 0.4)
  for (const side of SIDES) {
    face(ellipse([side * 0.44, -0.08], [0.27, 0.21], side * -0.25), BLACK)
    face(ellipse([side * 0.44, -0.08], [0.24, 0.18], side * -0.25), look.eye)
    face(ellipse([side * 0.44, -0.08], [slit, 0.175]), BLACK)
    face(ellipse([side * 0.44 + 0.07, -0.15], [0.04, 0.04]), WHITE)
  }
  face([[-0.13, 0.2], [0.13, 0.2], [0, 0.34]], PINK) // prettier-ignore
  for (const side of SIDES) {
    face(stroke([[0, 0.33], [0, 0.54], [side * 0.26, 0.5]], [0.04, 0.04]), BLACK) // prettier-ignore
    drawWhiskers(face, side, vary)
  }
}

function drawCatBody(brush: Brush, look: Look, vary: (value: number, by?: number) => number): void {
  const reach = vary(1.9, 0.2)
  brush(stroke([[0.5, 2.9], [reach * 1.2, 3], [reach, vary(1.1, 0.4)]], [0.32, 0.2]), look.dark) // prettier-ignore
  brush(ellipse([0, 2.1], [vary(0.92), vary(1.5, 0.1)]), look.fur)
  brush(ellipse([0, 1.9], [0.5, vary(0.9)]), look.pale)
  for (const side of SIDES) {
    brush(ellipse([side * 0.36, 2.8], [0.22, 0.95]), look.fur)
    brush(ellipse([side * 0.36, 3.65], [0.29, 0.2]), look.pale)
  }
}

function drawStripes(head: Brush, look: Look): void {
  for (const x of [-0.3, 0, 0.3]) head(stroke([[x * 0.7, -0.84], [x, -0.6], [x * 0.9, -0.38]], [0.14, 0.04]), look.mark) // prettier-ignore
  for (const side of SIDES) head(stroke([[side * 1.04, 0.1], [side * 0.85, 0.15], [side * 0.7, 0.1]], [0.13, 0.03]), look.mark) // prettier-ignore
}

function drawWhiskers(face: Brush, side: number, vary: (value: number, by?: number) => number): void {
  for (const rise of [-0.22, 0.02, 0.26]) {
    const end: Point = [side * vary(1.55), 0.35 + rise * vary(1.6)]
    face(stroke([[side * 0.3, 0.4 + rise * 0.3], [side * 0.9, 0.3 + rise], end], [0.045, 0.025]), WHITE, 0.9) // prettier-ignore
  }
}

/** Hanging ears, a long snout with a broad dark nose, round eyes, often a tongue, a thick short tail. */
export function drawDog(brush: Brush, look: Look, r: Random): void {
  const vary = (value: number, by = 0.15): number => value * (1 + (2 * r.uniform() - 1) * by)
  drawDogBody(brush, look, vary)
  const head = leaning(brush, look.tilt)
  head(ellipse([0, 0], [vary(0.9, 0.08), vary(1.02, 0.06)]), look.fur)
  if (r.uniform() < 0.4) head(ellipse([0.4, -0.2], [0.34, 0.42], 0.3), look.mark)
  const face = turned(head, look.yaw)
  const [snoutWidth, snoutHeight] = [vary(0.55), vary(0.5)]
  if (r.uniform() < 0.7) drawTongue(face, vary)
  face(ellipse([0, 0.55], [snoutWidth, snoutHeight]), look.pale)
  face(ellipse([0, 0.1], [0.26, 0.5]), look.pale)
  face(stroke([[0, 0.45], [0, 0.6], [0, 0.72]], [0.05, 0.05]), BLACK) // prettier-ignore
  for (const side of SIDES) face(stroke([[0, 0.7], [side * 0.2, 0.88], [side * 0.42, 0.68]], [0.06, 0.04]), BLACK) // prettier-ignore
  face(ellipse([0, 0.34], [vary(0.25), vary(0.17)]), BLACK)
  face(ellipse([-0.07, 0.28], [0.06, 0.03]), WHITE, 0.6)
  for (const side of SIDES) {
    face(ellipse([side * 0.38, -0.22], [0.17, 0.18]), WHITE, 0.7)
    face(ellipse([side * 0.38, -0.21], [0.14, 0.15]), [70, 44, 30])
    face(ellipse([side * 0.38, -0.21], [0.08, 0.09]), BLACK)
    face(ellipse([side * 0.38 + 0.05, -0.27], [0.04, 0.04]), WHITE)
  }
  const [length, spread] = [vary(1.15, 0.2), vary(0.3, 0.4)]
  for (const side of SIDES) drawHangingEar(head, look, [side, length, spread])
}

function drawHangingEar(head: Brush, look: Look, [side, length, spread]: readonly [number, number, number]): void {
  const outer = 0.95 + spread
  head(
    [
      [side * 0.42, -0.92],
      [side * 0.78, -0.98],
      [side * outer, -0.55],
      [side * (outer + 0.1), -0.5 + length * 0.6],
      [side * outer, -0.4 + length],
      [side * (outer - 0.22), -0.36 + length],
      [side * (outer - 0.42), -0.5 + length * 0.75],
      [side * 0.7, -0.4],
    ],
    look.dark,
  )
}

function drawTongue(face: Brush, vary: (value: number, by?: number) => number): void {
  const length = vary(0.36, 0.3)
  face(ellipse([0, 0.95 + length / 2], [0.19, 0.15 + length]), [222, 84, 100])
  face(stroke([[0, 0.9], [0, 1.1], [0, 1 + length]], [0.03, 0.02]), [160, 50, 70]) // prettier-ignore
}

function drawDogBody(brush: Brush, look: Look, vary: (value: number, by?: number) => number): void {
  brush(stroke([[0.7, 2.6], [vary(1.5), 2.4], [vary(1.7, 0.2), vary(1.6, 0.25)]], [0.42, 0.16]), look.fur) // prettier-ignore
  brush(ellipse([0, 2.15], [vary(1.1), vary(1.5, 0.1)]), look.fur)
  brush(ellipse([0, 1.9], [0.55, vary(0.8)]), look.pale)
  for (const side of SIDES) {
    brush(ellipse([side * 0.48, 2.85], [0.3, 0.95]), look.fur)
    brush(ellipse([side * 0.5, 3.65], [0.38, 0.22]), look.pale)
  }
}

/** A brush whose strokes lean with the head. */
function leaning(brush: Brush, angle: number): Brush {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return (points, colour, opacity) =>
    brush(
      points.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos]),
      colour,
      opacity,
    )
}

/** A brush for the face of a head that looks to one side. */
function turned(brush: Brush, yaw: number): Brush {
  const narrow = 1 - Math.abs(yaw) / 2
  return (points, colour, opacity) =>
    brush(
      points.map(([x, y]) => [x * narrow + yaw, y]),
      colour,
      opacity,
    )
}
