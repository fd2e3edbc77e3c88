/** @file One network against Keras's own figures: layers, weights, logits, taps inside, features without the top. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { application, preprocessInput, type MobileNetOptions } from '../../src/applications/index.ts'
import { clearSession } from '../../src/layers/index.ts'
import { sizeOf, type Shape, type Tensor } from '../../src/tensor/index.ts'
import { model, type Model } from '../../src/training/index.ts'
import { Predictor } from '../../src/training/predict.ts'
import { formula, moments, photo } from '../golden/formula.ts'

interface Stats {
  readonly shape: Shape
  readonly mean: number
  readonly std: number
  readonly first: readonly number[]
}
interface Golden {
  readonly args: { readonly alpha?: number; readonly depth_multiplier?: number }
  readonly salt: string
  readonly gain: number
  readonly inputScale: number
  readonly top: {
    readonly params: number
    readonly layers: readonly (readonly [name: string, className: string, shape: Shape, params: number])[]
    readonly weights: readonly (readonly [path: string, shape: Shape, trainable: boolean])[]
    readonly input: Shape4
    readonly logits: Stats
    readonly argsort5: readonly (readonly number[])[]
    readonly softmaxTop: readonly number[]
    readonly taps: Readonly<Record<string, Stats>>
  }
  readonly notop: Readonly<Record<string, { readonly params: number; readonly layers: number; readonly out: Stats }>>
}
type Shape4 = readonly [number, number, number, number]

/** Tests of test/golden/application_<file>.json. */
export function describeNetwork(file: string): void {
  const golden = JSON.parse(readFileSync(new URL(`../golden/application_${file}.json`, import.meta.url), 'utf8')) as Golden
  const keras = file.replace(/_.*/, '')
  const options = optionsOf(golden)
  const image = (name: string, shape: Shape4): Tensor<'float32'> => {
    const x = preprocessInput(keras, photo(name, shape))
    return { ...x, data: x.data.map((value) => value * golden.inputScale) }
  }

  describe(`${file} with its top`, () => {
    const { top } = golden
    let net: Model
    beforeAll(async () => {
      clearSession()
      net = await application(keras, { ...options, classifierActivation: null })
      fill(net, golden)
    })

    test('has the layers of Keras', () => {
      expect(net.layers.map((layer) => [layer.name, layer.className, layer.output.shape, layer.countParams()])).toEqual(top.layers)
      expect(net.countParams()).toBe(top.params)
    })

    test('has the weights of Keras', () => {
      expect(net.weights.map((weight) => [weight.path, weight.shape, weight.trainable])).toEqual(top.weights)
    })

    test('gives the logits of Keras', async () => {
      const [logits] = await outputs(net, image(`input/${keras}`, top.input))
      if (!logits) throw new Error('no output')
      expectStats(logits, top.logits)
      const rows = [0, 1].map((i) => logits.data.subarray(i * 1000, i * 1000 + 1000))
      expect(rows.map(best5)).toEqual(top.argsort5)
      rows.forEach((row, i) => expect(greatestProbability(row)).toBeCloseTo(top.softmaxTop[i] ?? NaN, 4))
    })

    test('gives the values of Keras inside', async () => {
      const [, ...size] = top.input
      const names = Object.keys(top.taps)
      const probe = model({ inputs: net.input, outputs: names.map((name) => net.getLayer(name).output) })
      const values = await outputs(probe, firstRow(image(`input/${keras}`, top.input), size))
      names.forEach((name, i) => expectStats(values[i], top.taps[name], name))
    })
  })

  test.each(Object.entries(golden.notop))(`${file} without its top, %s, gives the features of Keras`, async (key, wanted) => {
    const [pooling, side] = key.split('@')
    const size = Number(side)
    clearSession()
    const net = await application(keras, {
      ...options,
      includeTop: false,
      pooling: pooling === 'None' ? null : (pooling as 'avg' | 'max'),
      inputShape: [size, size, 3],
    })
    fill(net, golden)
    expect([net.countParams(), net.layers.length]).toEqual([wanted.params, wanted.layers])
    const [features] = await outputs(net, image(`input/${keras}/${size}`, [1, size, size, 3]))
    expectStats(features, wanted.out)
  })
}

/** Frees the native memory at once: two large networks do not fit beside each other. */
async function outputs(net: Model, x: Tensor<'float32'>): Promise<Tensor<'float32'>[]> {
  const predictor = new Predictor(net)
  try {
    return await predictor.run([x])
  } finally {
    await predictor.dispose()
  }
}

/** The network's own arguments, without weights. */
function optionsOf({ args }: Golden): MobileNetOptions {
  const { alpha, depth_multiplier } = args
  return {
    weights: null,
    ...(alpha === undefined ? {} : { alpha }),
    ...(depth_multiplier === undefined ? {} : { depthMultiplier: depth_multiplier }),
  }
}

function fill(net: Model, { gain, salt }: Golden): void {
  for (const weight of net.weights) weight.take(formula(weight.path, weight.shape, gain, salt))
}

function firstRow(x: Tensor<'float32'>, size: Shape): Tensor<'float32'> {
  return { data: x.data.subarray(0, sizeOf(size)), shape: [1, ...size], dtype: 'float32' }
}

/** Within 1e-4 of the tensor's standard deviation. */
function expectStats(found: Tensor<'float32'> | undefined, wanted: Stats | undefined, where = ''): void {
  if (!found || !wanted) throw new Error(`nothing to compare ${where}`)
  expect(found.shape, where).toEqual(wanted.shape)
  const { mean, std } = moments(found.data)
  const differences = [mean - wanted.mean, std - wanted.std, ...wanted.first.map((value, i) => (found.data[i] ?? NaN) - value)]
  const worst = Math.max(...differences.map((difference) => Math.abs(difference) / wanted.std))
  expect(worst, `${where}: greatest difference in standard deviations`).toBeLessThan(1e-4)
}

function best5(scores: Float32Array): number[] {
  return Array.from(scores.keys())
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
    .slice(0, 5)
}

function greatestProbability(logits: Float32Array): number {
  const greatest = Math.max(...logits)
  return 1 / logits.reduce((sum, value) => sum + Math.exp(value - greatest), 0)
}
