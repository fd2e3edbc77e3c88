import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inceptionV3, mobilenet } from '../applications/index.ts'
import * as layers from '../layers/index.ts'
import { Functional, sequentialKind, type SummaryOptions } from './index.ts'

const golden = (name: string): string => readFileSync(new URL(`../../test/golden/${name}`, import.meta.url), 'utf8')
const keras = JSON.parse(golden('summaries.json')) as { readonly rows: readonly (readonly [string, SummaryOptions, readonly string[]])[] }

/** A nested, frozen model, a shared layer, a join. */
function nested(): Functional {
  const photo = layers.input({ shape: [8, 8, 3], name: 'photo' })
  const x = layers.conv2d({ filters: 4, kernelSize: 3, name: 'a_convolution_with_a_rather_long_name' })(photo)
  const inner = new Functional({ inputs: photo, outputs: layers.conv2d({ filters: 2, kernelSize: 1, name: 'small' })(x), name: 'inner' })
  const y = layers.input({ shape: [8, 8, 3], name: 'again' })
  const shared = layers.batchNormalization({ name: 'shared' })
  const a = shared(inner(y))
  const b = shared(layers.activation({ activation: 'relu', name: 'act' })(a))
  const z = layers.concatenate({ name: 'both' })([a, b])
  inner.trainable = false
  const outputs = layers.dense({ units: 1000, name: 'out' })(layers.globalAveragePooling2d({ name: 'mean' })(z))
  return new Functional({ inputs: y, outputs, name: 'nested' })
}

function chain(): Functional {
  const x = layers.input({ shape: [8, 8, 3], name: 'photo' })
  const flat = layers.flatten({ name: 'flat' })(layers.dropout({ rate: 0.5, name: 'drop' })(x))
  return new Functional({ inputs: x, outputs: layers.dense({ units: 96, useBias: false, name: 'out' })(flat), name: 'chain' })
}

test.each(keras.rows)('summary of the %s model is that of Keras: %o', (name, options, lines) => {
  expect((name === 'nested' ? nested() : chain()).summary(options).split('\n')).toEqual(lines)
})

test('a model that begins behind a layer has an input layer in its place, as in Keras, and none of its weights', () => {
  const x = layers.input({ shape: [8], name: 'x' })
  const first = layers.dense({ units: 4, name: 'first' })(x)
  const second = layers.dense({ units: 4, name: 'second' })(first)
  const cut = new Functional({ inputs: first, outputs: layers.add({ name: 'sum' })([second, first]), name: 'cut' })
  expect(cut.layers.map(({ name, className }) => [name, className])).toEqual([
    ['firstCLONE', 'InputLayer'],
    ['second', 'Dense'],
    ['sum', 'Add'],
  ])
  expect(cut.trainableWeights.map(({ path }) => path)).toEqual(['second/kernel', 'second/bias'])
  const table = cut.summary()
  expect(table).toMatch(/│ second \(Dense\) +│ \(None, 4\) +│ +20 │ firstCLONE\[0\]\[0\] +│/)
  expect(table).toMatch(/│ sum \(Add\) +│ \(None, 4\) +│ +0 │ second\[0\]\[0\], +│\n│ +│ +│ +│ firstCLONE\[0\]\[0\] +│/)
})

test('the input of a nested sequential model has no row, as in Keras', () => {
  const x = layers.input({ shape: [4], name: 'x' })
  const start = layers.input({ shape: [4], name: 'start' })
  const chained = new Functional({ inputs: start, outputs: layers.dense({ units: 2, name: 'inside' })(start), name: 'seq' }, sequentialKind)
  const around = new Functional({ inputs: x, outputs: chained(x), name: 'around' })
  const names = around.summary({ expandNested: true }).match(/[└\w]+ ?\w* \(\w+\)/gu)
  expect(names).toEqual(['Layer (type)', 'x (InputLayer)', 'seq (Sequential)', '└ inside (Dense)'])
})

/** The console that these were made on cut them at 80 characters. */
const cropped = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => [...line].slice(0, 80).join('').trimEnd())

test('summary of InceptionV3 is that of Keras', async () => {
  layers.clearSession()
  const net = await inceptionV3({ weights: null })
  expect(cropped(net.summary({ lineLength: 110 }))).toEqual(cropped(golden('summary_InceptionV3.txt')))
})

test('summary of a transfer model is that of Keras, with its optimizer', async () => {
  layers.clearSession()
  const base = await mobilenet({ alpha: 0.25, weights: null, includeTop: false, inputShape: [64, 64, 3] })
  base.trainable = false
  const x = layers.globalAveragePooling2d({ name: 'average_pooling2d_new' })(base.output)
  const y = layers.dense({ units: 32, activation: 'relu', name: 'dense_new' })(x)
  const outputs = layers.dense({ units: 3, activation: 'softmax', name: 'dense_output' })(y)
  const net = new Functional({ inputs: base.input, outputs })
  expect(cropped(net.summary({ lineLength: 88, optimizerParams: 16_648 }))).toEqual(cropped(golden('summary_transfer.txt')))
})

test('summary has lines of the asked length for every length from 40 on', () => {
  const models = [nested(), chain()]
  fc.assert(
    fc.property(fc.integer({ min: 40, max: 300 }), fc.boolean(), fc.boolean(), (lineLength, showTrainable, expandNested) => {
      for (const model of models) {
        const table = model.summary({ lineLength, showTrainable, expandNested }).split('\n').slice(1, -3)
        expect(new Set(table.map((line) => [...line].length))).toEqual(new Set([lineLength]))
      }
    }),
  )
})

test.each([39, 0, NaN, 80.5])('summary refuses a line length of %d', (lineLength) => {
  expect(() => chain().summary({ lineLength })).toThrow(`Invalid lineLength: found ${lineLength}, expected a whole number of at least 40`)
})
