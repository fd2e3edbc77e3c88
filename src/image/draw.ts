/** @file Draws cats and dogs from a seed: pictures to train on where nothing can be downloaded. */
import sharp from 'sharp'
import { RootstockError, unknownName } from '../errors.ts'
import { random, type Random } from '../tensor/index.ts'
import { drawCat, drawDog, type Look } from './animals.ts'
import type { Pixels } from './pixels.ts'
import { canvas, ellipse, fill, type Canvas, type Colour, type Point } from './raster.ts'

/** What can be drawn. */
export type Animal = 'cat' | 'dog'

/** The kinds that can be drawn. */
export const ANIMALS: readonly Animal[] = ['cat', 'dog']

/** Fur that both animals wear, so that colour does not tell them apart. */
const FURS: readonly Colour[] = [
  [196, 128, 62],
  [120, 82, 52],
  [70, 62, 60],
  [150, 146, 142],
  [226, 214, 196],
  [214, 168, 110],
  [96, 92, 104],
  [160, 100, 60],
]

/** A JPEG file of one animal, `size` pixels square (32 to 1024, default 160). Equal arguments give equal pictures. */
export async function drawAnimal(kind: Animal, seed: number, size = 160): Promise<Uint8Array> {
  const { data, width, height } = drawPixels(kind, seed, size)
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer()
}

/** The picture before it becomes a file. */
export function drawPixels(kind: Animal, seed: number, size = 160): Pixels {
  if (!ANIMALS.includes(kind)) throw unknownName('animal', String(kind), ANIMALS)
  if (!Number.isInteger(size) || size < 32 || size > 1024) {
    throw new RootstockError('USAGE', `Cannot draw a picture of ${size} pixels: expected a whole number from 32 to 1024`)
  }
  const r = random(`${kind}/${seed}`)
  const picture = canvas(size)
  paintBackground(picture, r)
  const place = placeAnimal(size, r)
  const draw = kind === 'cat' ? drawCat : drawDog
  draw((points, colour, opacity) => fill(picture, points.map(place), colour, opacity), lookOf(r), r)
  light(picture, r)
  return { data: new Uint8Array(picture.data.buffer), width: size, height: size }
}

/** Two colours from top to bottom, and soft things of any colour behind the animal. */
function paintBackground(picture: Canvas, r: Random): void {
  const { data, size } = picture
  const [above, below] = [anyColour(r), anyColour(r)]
  const horizon = between(r, 0.2, 0.9) * size
  const blur = between(r, 0.02, 1) * size
  for (let y = 0, at = 0; y < size; y++) {
    const share = Math.min(1, Math.max(0, (y - horizon) / blur + 0.5))
    for (let x = 0; x < size; x++) for (let c = 0; c < 3; c++, at++) data[at] = above[c]! + (below[c]! - above[c]!) * share
  }
  for (let things = 2 + r.integer(6); things > 0; things--) {
    const centre: Point = [r.uniform() * size, r.uniform() * size]
    const radii: Point = [between(r, 0.04, 0.3) * size, between(r, 0.04, 0.3) * size]
    const isBox = r.uniform() < 0.5
    fill(picture, isBox ? box(centre, radii, r.uniform() * 3) : ellipse(centre, radii, r.uniform() * 3), anyColour(r), between(r, 0.3, 0.9))
  }
}

function box([x, y]: Point, [rx, ry]: Point, angle: number): Point[] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const corners: Point[] = [[-rx, -ry], [rx, -ry], [rx, ry], [-rx, ry]] // prettier-ignore
  return corners.map(([dx, dy]) => [x + dx * cos - dy * sin, y + dx * sin + dy * cos])
}

/** From the animal's own measures (head at 0, 0 with radius about 1) to pixels: mirrored, stretched, turned, scaled, moved. */
function placeAnimal(size: number, r: Random): (point: Point) => Point {
  const scale = between(r, 0.15, 0.27) * size
  const [stretchX, stretchY] = [between(r, 0.88, 1.12) * (r.uniform() < 0.5 ? -1 : 1), between(r, 0.88, 1.12)]
  const turn = r.normal() * 0.18
  const [cos, sin] = [Math.cos(turn) * scale, Math.sin(turn) * scale]
  const [left, top] = [between(r, 0.34, 0.66) * size, between(r, 0.36, 0.58) * size]
  return ([x, y]) => {
    const [sx, sy] = [x * stretchX, y * stretchY]
    return [left + sx * cos - sy * sin, top + sx * sin + sy * cos]
  }
}

function lookOf(r: Random): Look {
  const fur = vary(FURS[r.integer(FURS.length)] ?? [128, 128, 128], r)
  const second = vary(FURS[r.integer(FURS.length)] ?? [128, 128, 128], r)
  return {
    fur,
    dark: scaleColour(fur, between(r, 0.55, 0.8)),
    pale: mixColours(fur, [255, 250, 240], between(r, 0.35, 0.75)),
    mark: r.uniform() < 0.5 ? second : scaleColour(fur, 0.6),
    eye: [between(r, 60, 220), between(r, 110, 210), between(r, 40, 190)],
    yaw: between(r, -0.22, 0.22),
    tilt: r.normal() * 0.14,
  }
}

/** A slanting light over everything, and the grain of a camera. */
function light({ data, size }: Canvas, r: Random): void {
  const angle = r.uniform() * 2 * Math.PI
  const strength = between(r, 0, 0.3) / size
  const [dx, dy] = [Math.cos(angle) * strength, Math.sin(angle) * strength]
  const grain = between(r, 2, 14)
  const base = between(r, 0.8, 1.12)
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at += 3) {
      const gain = base + dx * (x - size / 2) + dy * (y - size / 2)
      const noise = (r.uniform() + r.uniform() - 1) * grain
      for (let c = 0; c < 3; c++) data[at + c] = data[at + c]! * gain + noise
    }
  }
}

function between(r: Random, low: number, high: number): number {
  return low + r.uniform() * (high - low)
}

function anyColour(r: Random): Colour {
  return [between(r, 20, 245), between(r, 20, 245), between(r, 20, 245)]
}

function vary(colour: Colour, r: Random): Colour {
  const shift = between(r, -22, 22)
  return [colour[0] + shift + between(r, -14, 14), colour[1] + shift, colour[2] + shift + between(r, -14, 14)]
}

function scaleColour([red, green, blue]: Colour, by: number): Colour {
  return [red * by, green * by, blue * by]
}

function mixColours(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]
}
