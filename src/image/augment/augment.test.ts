/** @file Tests of augmentation: Keras's pixels for given parameters, draws within their ranges, and fixed views. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { random, tensor } from '../../tensor/index.ts'
import type { Random, Tensor } from '../../tensor/index.ts'
import { rotation, shear, transform, translation, zoom } from './affine.ts'
import type { Affine, FillMode } from './affine.ts'
import { augment } from './augmentation.ts'
import type { Augmentation } from './augmentation.ts'
import { randAugment, randomBrightness, randomContrast } from './colour-augmentations.ts'
import {
  adjustBrightness,
  adjustContrast,
  adjustSharpness,
  autoContrast,
  degenerateColour,
  equalize,
  posterize,
  solarize,
} from './colour.ts'
import type { ValueRange } from './colour.ts'
import { cropMiddle, flip, randomCrop, randomFlip, randomRotation, randomShear, randomTranslation, randomZoom } from './geometric.ts'
import { blend, cutAndMix, cutmix, mixup } from './mix.ts'
import { augmentPreview } from './preview.ts'
import { applyView, applyViewAt, viewInEpoch, viewKey, viewsOf } from './views.ts'

interface Case {
  readonly picture: string
  readonly kind: string
  readonly parameters: readonly number[]
  readonly values: readonly number[]
}

interface Golden {
  readonly pictures: Readonly<Record<string, readonly [number, number, number]>>
  readonly geometric: readonly (Case & { readonly fillMode: FillMode; readonly interpolation: 'bilinear' | 'nearest' })[]
  readonly colour: readonly (Case & { readonly valueRange: ValueRange })[]
  readonly crops: readonly { readonly picture: string; readonly size: readonly [number, number]; readonly values: readonly number[] }[]
  readonly mixes: {
    readonly order: readonly number[]
    readonly weights: readonly number[]
    readonly boxes: readonly (readonly [number, number, number, number])[]
    readonly mixup: { readonly x: readonly number[]; readonly y: readonly number[] }
    readonly cutmix: { readonly x: readonly number[]; readonly y: readonly number[] }
  }
}

const GOLDEN = JSON.parse(readFileSync(new URL('../../../test/golden/augment.json', import.meta.url), 'utf8')) as Golden

function formula(height: number, width: number, step: number): Tensor<'float32'> {
  return tensor(
    Array.from({ length: height * width * 3 }, (_, i) => (i * step + Math.floor(i / 7) * 31) % 256),
    [height, width, 3],
  )
}

function golden(name: string): Tensor<'float32'> {
  return formula(...(GOLDEN.pictures[name] ?? [1, 1, 1]))
}

function farthest(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length)
  return Array.from(found).reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] ?? NaN))), 0)
}

const MATRICES: Readonly<Record<string, (p: readonly number[], height: number, width: number) => Affine>> = {
  rotation: ([degrees = 0], height, width) => rotation(degrees, height, width),
  zoom: ([h = 1, w = 1], height, width) => zoom(h, w, [height, width]),
  translation: ([right = 0, down = 0]) => translation(right, down),
  shear: ([x = 0, y = 0]) => shear(x, y),
}

const COLOURS: Readonly<Record<string, (x: Tensor<'float32'>, p: readonly number[], range: ValueRange) => Tensor<'float32'>>> = {
  contrast: (x, [factor = 0], range) => adjustContrast(x, factor, range),
  brightness: (x, [delta = 0], range) => adjustBrightness(x, delta, range),
  colour: (x, [factor = 0], range) => degenerateColour(x, factor, range),
  sharpness: (x, [factor = 0], range) => adjustSharpness(x, factor, range),
  posterize: (x, [bits = 8], range) => posterize(x, bits, range),
  solarize: (x, [addition = 0, threshold = 0], range) => solarize(x, { addition, threshold }, range),
  autoContrast: (x, _, range) => autoContrast(x, range),
  equalize: (x, _, range) => equalize(x, range),
}

describe("Keras's pixels", () => {
  test.each(Object.keys(MATRICES))('for %s with every fill mode and interpolation', (kind) => {
    const cases = GOLDEN.geometric.filter((row) => row.kind === kind)
    expect(cases.length).toBeGreaterThanOrEqual(24)
    for (const { picture, parameters, fillMode, interpolation, values } of cases) {
      const x = golden(picture)
      const [height = 0, width = 0] = x.shape
      const affine = MATRICES[kind]?.(parameters, height, width) ?? [1, 0, 0, 0, 1, 0]
      const found = transform(x, affine, { fillMode, interpolation, fillValue: 9 }).data
      expect([picture, parameters, fillMode, interpolation, farthest(found, values) < 0.01]).toEqual([
        picture,
        parameters,
        fillMode,
        interpolation,
        true,
      ])
    }
  })

  test.each(Object.keys(COLOURS))('for %s', (kind) => {
    const cases = GOLDEN.colour.filter((row) => row.kind === kind)
    expect(cases.length).toBeGreaterThanOrEqual(6)
    for (const { picture, parameters, valueRange, values } of cases) {
      const x = golden(picture)
      const scaled = { ...x, data: x.data.map((value) => value / (255 / valueRange[1])) }
      const found = COLOURS[kind]?.(scaled, parameters, valueRange).data ?? []
      expect([picture, parameters, valueRange, farthest(found, values) < 0.0001 * valueRange[1]]).toEqual([
        picture,
        parameters,
        valueRange,
        true,
      ])
    }
  })

  test('for crops of pictures that are too small', () => {
    expect(GOLDEN.crops.length).toBeGreaterThan(6)
    for (const { picture, size, values } of GOLDEN.crops) {
      const found = cropMiddle(golden(picture), ...size)
      expect([picture, found.shape, farthest(found.data, values) < 0.001]).toEqual([picture, [...size, 3], true])
    }
  })

  test('for mixup and cutmix', () => {
    const { order, weights, boxes, ...wanted } = GOLDEN.mixes
    const x = tensor(
      [37, 53, 91].flatMap((step) => [...formula(5, 7, step).data]),
      [3, 5, 7, 3],
    )
    const y = tensor([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], [3, 4])
    expect(farthest(blend(x, order, weights).data, wanted.mixup.x)).toBeLessThan(1e-3)
    expect(farthest(blend(y, order, weights).data, wanted.mixup.y)).toBeLessThan(1e-5)
    const cut = cutAndMix(
      { x, y },
      order,
      boxes.map(([x0, x1, y0, y1]) => ({ x0, x1, y0, y1 })),
    )
    expect(farthest(cut.x.data, wanted.cutmix.x)).toBe(0)
    expect(farthest(cut.y.data, wanted.cutmix.y)).toBeLessThan(1e-5)
  })
})

const ALL: readonly Augmentation[] = [
  randomFlip(),
  randomRotation({ factor: 0.2 }),
  randomZoom({ heightFactor: 0.3, widthFactor: [-0.1, 0.2], fillMode: 'nearest' }),
  randomZoom({ heightFactor: 0.3 }),
  randomTranslation({ heightFactor: 0.2, widthFactor: 0.2, fillMode: 'constant', fillValue: 128 }),
  randomShear({ xFactor: 0.3 }),
  randomContrast({ factor: 0.4 }),
  randomBrightness({ factor: 0.3 }),
  randomCrop({ height: 4, width: 5 }),
  randAugment({ numOps: 3, factor: 0.9 }),
  mixed(),
]

function mixed(): Augmentation {
  return augment([randomFlip({ mode: 'horizontal' }), randomRotation({ factor: 0.05 }), randomContrast({ factor: 0.1 })])
}

describe('augmentations', () => {
  test.each(ALL.map((augmentation) => [augmentation.description, augmentation] as const))('%s', (_, augmentation) => {
    const before = formula(6, 7, 37)
    const copy = before.data.slice()
    const seen = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const found = augmentation.apply(before, random(seed))
      expect(found.shape).toEqual(augmentation.name === 'randomCrop' ? [4, 5, 3] : [6, 7, 3])
      expect(found.data.every((value) => value >= 0 && value <= 255)).toBe(true)
      expect(augmentation.apply(before, random(seed))).toEqual(found)
      seen.add(found.data.join())
    }
    expect(before.data).toEqual(copy)
    expect(seen.size).toBeGreaterThan(augmentation.name === 'randomFlip' ? 1 : 5)
  })

  test('have a description of their own each, with defaults filled in', () => {
    expect(new Set(ALL.map(({ description }) => description)).size).toBe(ALL.length)
    expect(randomRotation({ factor: 0.2 }).description).toBe(
      'randomRotation{"factor":[-0.2,0.2],"fillMode":"reflect","fillValue":0,"interpolation":"bilinear"}',
    )
    expect(randomRotation({ interpolation: 'bilinear', factor: [-0.2, 0.2] }).description).toBe(randomRotation({ factor: 0.2 }).description)
    expect(
      mixed()
        .description.split(' ')
        .map((part) => part.replace(/\{.*/, '')),
    ).toEqual(['randomFlip', 'randomRotation', 'randomContrast'])
  })

  /** A stream that always draws `value`. */
  const fixed = (value: number): Random => ({ ...random(0), uniform: () => value, integer: (below) => Math.floor(value * below) })

  test.each([
    ['brightness, least', randomBrightness({ factor: 0.2 }), 0, (x: number) => Math.max(0, x - 51)],
    ['brightness, most', randomBrightness({ factor: [-0.2, 1] }), 1, () => 255],
    ['contrast, none', randomContrast({ factor: 0.5 }), 0.5, (x: number) => x],
    ['zoom, none', randomZoom({ heightFactor: 0.5 }), 0.5, (x: number) => x],
  ])('follow the draw: %s', (_, augmentation, draw, wanted) => {
    const before = formula(4, 4, 37)
    expect(farthest(augmentation.apply(before, fixed(draw)).data, before.data.map(wanted))).toBeLessThan(1e-3)
  })

  test('move as their names say', () => {
    const rows = tensor(
      [1, 2, 3, 4].flatMap((value) => [value, value, value]),
      [2, 2, 3],
    )
    const reds = ({ data }: Tensor<'float32'>): number[] => [0, 3, 6, 9].map((at) => data[at] ?? NaN)
    expect(reds(flip(rows, 'horizontal'))).toEqual([2, 1, 4, 3])
    expect(reds(flip(rows, 'vertical'))).toEqual([3, 4, 1, 2])
    expect(reds(flip(rows, 'horizontal_and_vertical'))).toEqual([4, 3, 2, 1])
    expect(reds(randomRotation({ factor: [0.25, 0.25], interpolation: 'nearest' }).apply(rows, random(0)))).toEqual([2, 4, 1, 3])
    const down = randomTranslation({ heightFactor: [0.5, 0.5], widthFactor: 0, fillMode: 'constant' })
    expect(reds(down.apply(rows, random(0)))).toEqual([0, 0, 1, 2])
  })

  test.each([
    () => randomRotation({ factor: 1.5 }),
    () => randomRotation({ factor: NaN }),
    () => randomZoom({ heightFactor: -1.2 }),
    () => randomContrast({ factor: -0.1 }),
    () => randomCrop({ height: 0, width: 3 }),
    () => randAugment({ numOps: 0 }),
    () => randomBrightness({ factor: 0.1, valueRange: [1, 0] }),
    () => mixup({ alpha: 0 }),
    () => viewsOf(randomFlip(), { views: 0 }),
    () => viewsOf(randomFlip(), { views: 10_001 }),
    // What JavaScript, and code without types, may give.
    () => augment({} as []),
    () => augment(randomFlip() as unknown as []),
    () => augment([randomFlip as unknown as ReturnType<typeof randomFlip>]),
    () => augment([null as unknown as ReturnType<typeof randomFlip>]),
    () => viewsOf([randomFlip()] as unknown as ReturnType<typeof randomFlip>, { views: 2 }),
    () => randomRotation(0.2 as unknown as { factor: number }),
    () => randomRotation({} as { factor: number }),
    () => randomRotation({ factor: ['0.1', '0.2'] as unknown as [number, number] }),
    () => randomRotation({ factor: 0.1, fillValue: '0' as unknown as number }),
    () => randomFlip(null as unknown as object),
    () => randomZoom({ heightFactor: 0.1, widthFactor: null as unknown as number }),
    () => randomContrast({ factor: 0.2, valueRange: 255 as unknown as [number, number] }),
    () => randAugment({ numOps: '2' as unknown as number }),
    () => mixup(0.2 as unknown as object),
    () => cutmix({ factor: true as unknown as number }),
    () => augment([mixup() as unknown as ReturnType<typeof randomFlip>]).apply(tensor([1, 2, 3], [1, 1, 3]), random(0)),
    () => randomFlip().apply({ x: 1, y: 2 } as unknown as Tensor<'float32'>, random(1)),
  ])('refuse wrong settings: %s', (make) => expect(make).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error))

  test.each([
    () => randomFlip({ mode: 'diagonal' as 'vertical' }),
    () => randomRotation({ factor: 0.1, fillMode: 'mirror' as 'wrap' }),
    () => randAugment({ interpolation: 'bicubic' as 'nearest' }),
  ])('refuse unknown names: %s', (make) => expect(make).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME' }) as Error))
})

describe('mixup and cutmix', () => {
  const x = tensor(
    [10, 20, 30, 40].flatMap((value) => new Array<number>(6 * 5 * 3).fill(value)),
    [4, 6, 5, 3],
  )
  const y = tensor([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4])

  test.each([
    ['mixup', (a: number) => mixup({ alpha: a })],
    ['cutmix', (a: number) => cutmix({ factor: [a, a] })],
  ])('%s keeps the labels in step with the pictures', (name, make) => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0.001, max: 1, noNaN: true }), (seed, alpha) => {
        const mixed = make(alpha).apply({ x, y }, random(seed))
        for (let row = 0; row < 4; row++) {
          const shares = [...mixed.y.data.subarray(row * 4, row * 4 + 4)]
          const picture = mixed.x.data.subarray(row * 90, row * 90 + 90)
          expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
          const mean = picture.reduce((a, b) => a + b) / 90
          const wanted = shares.reduce((sum, share, label) => sum + share * 10 * (label + 1), 0)
          // Cutmix takes whole pixels and labels by exact area; a box's edges differ by less than one pixel each.
          expect(Math.abs(mean - wanted)).toBeLessThan(name === 'mixup' ? 0.01 : 12)
        }
        expect(make(alpha).apply({ x, y }, random(seed))).toEqual(mixed)
      }),
    )
  })

  test('draws the shares of Beta(alpha, alpha): mean 1/2, variance 1 / (8 alpha + 4)', () => {
    for (const alpha of [0.2, 1]) {
      const pair = { x: tensor([0, 1], [2, 1]), y: tensor([0, 1], [2, 1]) }
      const rng = random(9)
      const shares: number[] = []
      while (shares.length < 4000) {
        const { data } = mixup({ alpha }).apply(pair, rng).x
        if ((data[0] ?? 0) > 0) shares.push(data[0] ?? 0)
      }
      const mean = shares.reduce((a, b) => a + b) / shares.length
      const variance = shares.reduce((a, b) => a + (b - mean) ** 2, 0) / shares.length
      expect(mean).toBeCloseTo(0.5, 1)
      expect(variance / (1 / (8 * alpha + 4))).toBeCloseTo(1, 1)
    }
  })

  test('refuse labels that are not rows', () => {
    expect(() => mixup().apply({ x, y: tensor([0, 1, 2, 3]) }, random(0))).toThrow(/expected labels \[4, classes\]/)
  })
})

describe('views', () => {
  const photo = formula(8, 8, 37)
  const views = viewsOf(mixed(), { seed: 3, views: 4 })

  test('are fixed by seed, photo and number', () => {
    const shown = (view: (typeof views)[number], hash: string): string => applyView(photo, view, hash).data.join()
    const all = [
      ...views.flatMap((view) => [shown(view, 'a'), shown(view, 'b')]),
      ...viewsOf(mixed(), { seed: 4, views: 1 }).map((view) => shown(view, 'a')),
    ]
    expect(new Set(all).size).toBe(9)
    const again = viewsOf(mixed(), { seed: 3, views: 9 })
    views.forEach((view, i) => expect(shown(view, 'a')).toBe(shown(again[i] ?? view, 'a')))
    expect(
      new Set([...views, ...viewsOf(mixed(), { views: 1 }), ...viewsOf(randomFlip(), { seed: 3, views: 1, readSize: [9, 9] })].map(viewKey))
        .size,
    ).toBe(6)
    expect(viewKey(viewsOf(randomFlip(), { views: 2, readSize: [9, 8] })[1] ?? views[0]!)).toBe(
      'augment1 randomFlip{"mode":"horizontal_and_vertical"} read=9x8 seed=0 view=1',
    )
  })

  test('come round, each once', () => {
    for (const hash of ['a', 'b', 'c']) {
      for (const round of [0, 1, 7]) {
        expect([0, 1, 2, 3].map((i) => viewInEpoch(hash, round * 4 + i, { views: 4 })).sort()).toEqual([0, 1, 2, 3])
      }
    }
    expect(new Set(Array.from({ length: 20 }, (_, i) => viewInEpoch(`photo ${i}`, 0, { views: 4 }))).size).toBe(4)
  })

  test('must fit the network', () => {
    const [view] = viewsOf(randomCrop({ height: 4, width: 4 }), { views: 1 })
    expect(applyViewAt(photo, view!, { photo: 'a', size: [4, 4] }).shape).toEqual([4, 4, 3])
    expect(() => applyViewAt(photo, view!, { photo: 'a', size: [8, 8] })).toThrow(/has the shape \[4,4,3\], expected \[8,8,3\]/)
  })
})

test('augmentPreview gives the photo and its views', async () => {
  const path = new URL('../../../test/golden/odd-images/plain.jpg', import.meta.url).pathname
  const sheet = await augmentPreview(path, mixed(), { views: 3, size: [20, 30] })
  expect(sheet.map(({ width, height, data }) => [width, height, data.length])).toEqual(new Array(4).fill([30, 20, 1800]))
  expect(new Set(sheet.map(({ data }) => data.join())).size).toBe(4)
  expect(await augmentPreview(path, mixed(), { views: 3, size: [20, 30] })).toEqual(sheet)
})
