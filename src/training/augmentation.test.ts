/** @file Random changes in `fit`: with a frozen trunk over stored views, without one anew each epoch; and mixed, balanced, slowed. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageFolder, openFeatureStore } from '../data/index.ts'
import { cutmix, mixup, randomBrightness, randomFlip, viewInEpoch } from '../image/index.ts'
import { random, tensor } from '../tensor/index.ts'
import { mixBatch } from './augmentation.ts'
import type { TrainingEvent } from './events.ts'
import type { FitOptions } from './fit-options.ts'
import type { Model } from './model.ts'
import { sgd } from './optimizers/index.ts'
import { oneHot, photos, residualNet, stream, weightsOf } from './small.cases.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rootstock-augmented-'))
  const rng = random('augmented')
  for (const [k, name] of ['a', 'b', 'c'].entries()) {
    await mkdir(join(folder, name))
    for (let i = 0; i < 4; i++) {
      const data = Buffer.from(Array.from({ length: 8 * 8 * 3 }, (_, at) => rng.integer(200) + (at % 3 === k ? 55 : 0)))
      await sharp(data, { raw: { width: 8, height: 8, channels: 3 } })
        .png()
        .toFile(join(folder, name, `${i}.png`))
    }
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const flip = randomFlip({ mode: 'horizontal_and_vertical' })
const bright = randomBrightness({ factor: 0.5 })

async function trained(frozen: readonly string[], options: FitOptions): Promise<{ weights: Record<string, number[]>; passes: number[] }> {
  const net: Model = residualNet()
  for (const name of frozen) net.getLayer(name).trainable = false
  net.compile({ optimizer: sgd({ learningRate: 0.01 }), loss: 'categoricalCrossentropy' })
  const passes: number[] = []
  const onEvent = (event: TrainingEvent): void => {
    options.onEvent?.(event)
    if (event.type === 'featuresProgress') passes.splice(0, 2, event.total, event.stored ?? 0)
  }
  await net.fit(imageFolder(folder, { targetSize: [8, 8], preprocessing: 'tf' }), { batchSize: 5, epochs: 2, ...options, onEvent })
  return { weights: await weightsOf(net), passes }
}

describe('augmentation in fit', () => {
  it('with a frozen trunk computes every view once, and finds it again', async () => {
    const options = { augmentation: [flip, bright], views: 3, epochs: 5 }
    const first = await trained(['first', 'second'], options)
    const again = await trained(['first', 'second'], options)
    expect(first.passes).toEqual([36, 0])
    expect(again.passes).toEqual([36, 36])
    expect(again.weights).toEqual(first.weights)
    expect((await trained(['first', 'second'], { ...options, seed: 1 })).passes).toEqual([36, 0])
    expect((await trained(['first', 'second'], { epochs: 5 })).weights).not.toEqual(first.weights)
  })

  it('gives the same training without a store', async () => {
    const options = { augmentation: flip, views: 2 }
    const kept = await trained(['first'], options)
    expect((await trained(['first'], { ...options, featureStore: false })).weights).toEqual(kept.weights)
  })

  it('without a trunk draws a new view in every epoch', async () => {
    const changed = await trained([], { augmentation: bright })
    expect(changed.passes).toEqual([])
    expect(changed.weights).not.toEqual((await trained([], {})).weights)
    expect((await trained([], { augmentation: bright })).weights).toEqual(changed.weights)
  })

  it.each([[['first', 'second']], [[]]])('shows a photo its next view when all were seen, frozen: %j', async (frozen) => {
    const options = { augmentation: bright, ...(frozen.length > 0 && { views: 2 }) }
    const whole = await trained(frozen, { ...options, epochs: 3 })
    // Three batches in epochs of two and one.
    expect((await trained(frozen, { ...options, epochs: 6, stepsPerEpoch: 2 })).weights).toEqual(whole.weights)
  })

  it('leaves validation photos as they are', async () => {
    const net = residualNet()
    net.getLayer('first').trainable = false
    net.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'categoricalCrossentropy' })
    const data = imageFolder(folder, { targetSize: [8, 8], preprocessing: 'tf' })
    const { history } = await net.fit(data, { augmentation: bright, validationData: data })
    expect(history['val_loss']?.[0]).toBeCloseTo((await net.evaluate(data))['loss'] ?? NaN, 6)
    expect(history['loss']?.[0]).not.toBeCloseTo(history['val_loss']?.[0] ?? NaN, 4)
  })

  it('shows every view once in as many epochs', () => {
    const seen = Array.from({ length: 8 }, (_, epoch) => viewInEpoch('photo', epoch, { views: 4 }))
    expect(seen.slice(0, 4).sort()).toEqual([0, 1, 2, 3])
    expect(seen.slice(4).sort()).toEqual([0, 1, 2, 3])
  })

  it.each([
    ['views without an augmentation', { views: 3 }, /3 views: found no augmentation/],
    ['cutmix of features', { mix: cutmix() }, /Cannot use cutmix: the photos pass a frozen trunk once/],
  ])('refuses %s', async (_, options, says) => {
    let passes = 0
    const onEvent = ({ type }: TrainingEvent): void => void (type === 'featuresProgress' && passes++)
    await expect(trained(['first'], { ...options, onEvent })).rejects.toThrow(says)
    expect(passes).toBe(0)
  })

  it('refuses tensors and streams', async () => {
    const net = residualNet()
    net.compile({ optimizer: sgd(), loss: 'categoricalCrossentropy' })
    const data = photos(4)
    await expect(net.fit(data.x, data.y, { augmentation: flip })).rejects.toThrow(/Cannot use augmentation: found tensors or a stream/)
    await expect(net.fit(stream(data, 2), { augmentation: flip })).rejects.toThrow(/Cannot use augmentation/)
  })
})

describe('mixed batches', () => {
  it('mix all values on the boundary alike, and the labels with them', () => {
    const x = photos(6).x
    const batch = { features: [x, x], labels: oneHot([0, 1, 2, 0, 1, 2]), weights: undefined }
    const mixed = mixBatch(batch, mixup(), { seed: 0, epoch: 0, batch: 0 })
    expect(mixed.features[0]).toEqual(mixed.features[1])
    expect(mixed.features[0]).not.toEqual(x)
    for (let i = 0; i < 6; i++) expect([0, 1, 2].reduce((sum, k) => sum + Number(mixed.labels.data[3 * i + k]), 0)).toBeCloseTo(1, 6)
  })

  it('need shares, not class numbers', () => {
    const batch = {
      features: [photos(2).x],
      labels: { data: Int32Array.of(0, 1), shape: [2], dtype: 'int32' as const },
      weights: undefined,
    }
    expect(() => mixBatch(batch, mixup(), { seed: 0, epoch: 0, batch: 0 })).toThrow(/found class numbers/)
  })

  it('train', async () => {
    const [plain, mixed] = [await trained(['first'], {}), await trained(['first'], { mix: mixup({ alpha: 1 }) })]
    expect(mixed.weights).not.toEqual(plain.weights)
    expect((await trained([], { mix: cutmix() })).weights).not.toEqual((await trained([], {})).weights)
  })
})

describe('halves in the store', () => {
  it('train the same in the run that computes them and in the next, close to whole numbers', async () => {
    const [first, again] = [await trained(['first'], { featureStore: 'float16' }), await trained(['first'], { featureStore: 'float16' })]
    expect([first.passes, again.passes]).toEqual([
      [12, 0],
      [12, 12],
    ])
    expect(again.weights).toEqual(first.weights)
    const whole = await trained(['first'], {})
    const [a, b] = [first.weights['head/kernel'] ?? [], whole.weights['head/kernel'] ?? []]
    expect(a).not.toEqual(b)
    a.forEach((value, i) => expect(value).toBeCloseTo(b[i] ?? NaN, 3))
    const store = await openFeatureStore()
    const widths = store.trunks().filter(({ title }) => title.includes('functional')).length
    await store.close()
    expect(widths).toBeGreaterThan(0)
  })
})

describe("classWeight 'balanced'", () => {
  it('weighs as counted', async () => {
    const { x, y } = photos(12)
    const labels = Array.from({ length: 12 }, (_, i) => (i < 8 ? 0 : i < 11 ? 1 : 2))
    const run = async (classWeight: FitOptions['classWeight']): Promise<unknown> => {
      const net = residualNet()
      net.compile({ optimizer: sgd(), loss: 'categoricalCrossentropy' })
      await net.fit(x, oneHot(labels), { ...(classWeight && { classWeight }) })
      return weightsOf(net)
    }
    expect(y.shape).toEqual([12, 3])
    expect(await run('balanced')).toEqual(await run({ 0: 12 / 24, 1: 12 / 9, 2: 12 / 3 }))
    expect(await run('balanced')).not.toEqual(await run(undefined))
  })

  it.each([
    ['last', 2],
    ['middle', 1],
  ])('is refused where the %s class has no sample', async (_, absent) => {
    const { x } = photos(12)
    const labels = Array.from({ length: 12 }, (_unused, i) => (i % 3 === absent ? 0 : i % 3))
    const net = residualNet()
    net.compile({ optimizer: sgd(), loss: 'sparseCategoricalCrossentropy' })
    const y = tensor(labels, [12, 1])
    await expect(net.fit(x, y, { classWeight: 'balanced' })).rejects.toThrow(`class ${absent} has no sample`)
  })
})

describe('learningRateFactors', () => {
  it('scale the change of a layer, for any optimizer', async () => {
    const data = photos(8)
    const step = async (
      optimizer: string,
      factors: Record<string, number>,
    ): Promise<[Record<string, number[]>, Record<string, number[]>]> => {
      const net = residualNet()
      net.compile({ optimizer, loss: 'categoricalCrossentropy', learningRateFactors: factors })
      const before = await weightsOf(net)
      await net.fit(data.x, data.y, {})
      return [before, await weightsOf(net)]
    }
    for (const optimizer of ['sgd', 'adam', 'lion']) {
      const [before, whole] = await step(optimizer, {})
      const [, slowed] = await step(optimizer, { second: 0.25, first: 0 })
      expect(slowed['first/kernel']).toEqual(before['first/kernel'])
      expect(slowed['head/kernel']).toEqual(whole['head/kernel'])
      slowed['second/kernel']?.forEach((value, i) => {
        const start = before['second/kernel']?.[i] ?? NaN
        expect(value - start).toBeCloseTo(0.25 * ((whole['second/kernel']?.[i] ?? NaN) - start), 6)
      })
    }
  })

  it('name layers of the model', () => {
    const compile = (learningRateFactors: Record<string, number>) => (): void =>
      residualNet().compile({ loss: 'categoricalCrossentropy', learningRateFactors })
    expect(compile({ secnd: 1 })).toThrow(/Did you mean "second"|secnd/)
    expect(compile({ second: -1 })).toThrow(/found -1 for "second", expected a number of at least 0/)
  })
})
