/**
 * @file Writes models in every format for scripts/check-files-with-keras.py, and answers for the files that it made with Keras.
 * Usage: tsx scripts/write-files.ts FOLDER, then, once FOLDER/keras is there, tsx scripts/write-files.ts FOLDER --answers
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formula, photo } from '../test/golden/formula.ts'
import { mobilenet } from '../src/applications/index.ts'
import { exportOnnx } from '../src/formats/onnx/index.ts'
import { preprocess } from '../src/image/index.ts'
import { clearSession, dense, globalAveragePooling2d, input } from '../src/layers/index.ts'
import { tensor } from '../src/tensor/index.ts'
import type { Tensor } from '../src/tensor/index.ts'
import { loadModel, losses, metrics, model, optimizers } from '../src/training/index.ts'
import type { Model } from '../src/training/index.ts'
import { branching, compilations, x, y } from '../src/training/saving/branching.cases.ts'

const [folder, mode] = process.argv.slice(2)
if (folder === undefined) throw new Error('Name a folder')
const numbers = ({ data, shape }: Tensor<'float32'>) => ({ data: [...data], shape })

await (mode === '--answers' ? answer(folder) : write(folder))

/** The whole models, their answers and their next step; then a small one for each optimizer. */
async function write(to: string): Promise<void> {
  mkdirSync(to, { recursive: true })
  const expected: Record<string, unknown> = {}
  for (const { name, net, pixels, classes } of [nested(), await transfer()]) {
    const metric = [metrics.topKCategoricalAccuracy({ k: 2 }), metrics.auc({ numThresholds: 50 }), metrics.f1Score({ average: 'micro' })]
    const loss = losses.categoricalCrossentropy({ labelSmoothing: 0.1 })
    net.compile({ optimizer: optimizers.adam({ learningRate: 0.01 }), loss, metrics: ['accuracy', ...metric] })
    await net.trainOnBatch(pixels, classes)
    for (const ending of ['keras', 'h5', 'onnx', 'safetensors', 'weights.h5']) await net.save(join(to, `${name}.${ending}`))
    await net.saveWeights(join(to, `${name}.old-weights.h5`))
    await exportOnnx(net, join(to, `${name}.half.onnx`), { precision: 'float16', metadata: { classes: '["a","b","c"]' } })
    const weights = Object.fromEntries(net.weights.map((weight) => [weight.path, numbers(weight.value())]))
    const found = { x: numbers(pixels), y: numbers(classes), probabilities: numbers(await net.predict(pixels)), weights }
    expected[name] = { ...found, frozen: net.weights.filter((weight) => weight.canTrain && !weight.trainable).map(({ path }) => path) }
  }
  for (const { name, optimizer } of compilations) expected[`optimizer ${name}`] = await step(to, name, optimizer)
  writeFileSync(join(to, 'expected.json'), JSON.stringify(expected))
}

function nested(): { name: string; net: Model; pixels: Tensor<'float32'>; classes: Tensor<'float32'> } {
  clearSession()
  const net = branching()
  net.getLayer('shared').trainable = false
  return { name: 'nested', net, pixels: x, classes: y }
}

async function transfer(): Promise<{ name: string; net: Model; pixels: Tensor<'float32'>; classes: Tensor<'float32'> }> {
  clearSession()
  const base = await mobilenet({ alpha: 0.25, weights: null, includeTop: false, inputShape: [64, 64, 3] })
  base.trainable = false
  const head = dense({ units: 8, activation: 'relu', name: 'dense_new' })(
    globalAveragePooling2d({ name: 'average_pooling2d_new' })(base.output),
  )
  const net = model({ inputs: base.input, outputs: dense({ units: 3, activation: 'softmax', name: 'dense_output' })(head) })
  for (const weight of net.weights) weight.assign(formula(weight.path, weight.shape))
  return { name: 'transfer', net, pixels: preprocess(photo('files', [5, 64, 64, 3]), 'tf'), classes: y }
}

/** Saves after two steps; Keras's third must lead to our weights. */
async function step(to: string, name: string, optimizer: ReturnType<typeof optimizers.adam>): Promise<unknown> {
  clearSession()
  const start = input({ shape: [4], name: 'x' })
  const hidden = dense({ units: 3, activation: 'tanh', name: 'hidden' })(start)
  const net = model({ inputs: start, outputs: dense({ units: 3, activation: 'softmax', name: 'out' })(hidden) })
  const given = tensor(Float32Array.from({ length: 20 }, (_, i) => Math.sin(i)), [5, 4]) // prettier-ignore
  net.compile({ optimizer, loss: 'categoricalCrossentropy' })
  for (let i = 0; i < 2; i++) await net.trainOnBatch(given, y)
  for (const ending of ['keras', 'h5', 'weights.h5']) await net.save(join(to, `optimizer ${name}.${ending}`))
  await net.trainOnBatch(given, y)
  return {
    x: numbers(given),
    y: numbers(y),
    weights: Object.fromEntries(net.weights.map((weight) => [weight.path, numbers(weight.value())])),
  }
}

/** Opens what Keras wrote, predicts, takes a step, and notes both. */
async function answer(to: string): Promise<void> {
  const cases = JSON.parse(readFileSync(join(to, 'keras', 'cases.json'), 'utf8')) as Record<string, { x: GivenTensor; y: GivenTensor }>
  const answers: Record<string, unknown> = {}
  for (const file of readdirSync(join(to, 'keras')).filter((name) => /\.(?:keras|h5)$/u.test(name))) {
    const given = cases[file.replace(/\.(?:keras|h5)$/u, '')]
    if (!given) throw new Error(`No case for ${file}`)
    const net = await loadModel(join(to, 'keras', file))
    const probabilities = numbers(await net.predict(tensor(given.x.data, given.x.shape)))
    await net.trainOnBatch(tensor(given.x.data, given.x.shape), tensor(given.y.data, given.y.shape))
    answers[file] = { probabilities, weights: Object.fromEntries(net.weights.map((weight) => [weight.path, numbers(weight.value())])) }
  }
  writeFileSync(join(to, 'answers.json'), JSON.stringify(answers))
}

interface GivenTensor {
  readonly data: number[]
  readonly shape: number[]
}
