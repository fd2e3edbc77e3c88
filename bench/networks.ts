/**
 * @file Images per second of `predict` and of a training step, for each network, and the ratio to the same graphs run bare in
 * onnxruntime-node; the last column is what our own code takes of one call. Weights are random.
 * Run it with `npm run bench -- [--network NAME]… [--seconds N]`.
 */
import { cpus } from 'node:os'
import { application, type NetworkName } from '../src/applications/index.ts'
import { clearSession } from '../src/layers/index.ts'
import { tensor, type Tensor } from '../src/tensor/index.ts'
import { optimizers, type Model } from '../src/training/index.ts'
import { bareRunsOf, listen, withoutEngine } from './bare.ts'
import { noise } from './noise.ts'
import { benchOptions } from './options.ts'
import { takeTurns } from './turns.ts'

const predicted = 16
const trained = 8

interface Measured {
  readonly what: string
  readonly photos: number
  readonly work: () => Promise<unknown>
}

const { networks, seconds } = benchOptions()
listen()
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}\n`)
console.log('| network | what | images/s | bare | ratio | turns | ours without the engine, ms |\n|---|---|---|---|---|---|---|')
for (const name of networks) {
  await measureAll(name, predictions)
  await measureAll(name, trainingStep)
  if (name === 'resnet50') await measureAll(name, lastStage)
}

async function measureAll(name: NetworkName, rowsOf: (net: Model) => Measured[]): Promise<void> {
  clearSession()
  const net = await application(name, { weights: null })
  for (const { what, photos, work } of rowsOf(net)) {
    const alone = await withoutEngine(work)
    const bare = await bareRunsOf(work)
    const { ours, bare: theirs, ratio, turns } = await takeTurns(work, () => bare.run(), seconds)
    await bare.dispose()
    const rate = (time: number): string => (photos / time).toFixed(1)
    const figures = [rate(ours), rate(theirs), ratio.toFixed(3), turns, (alone * 1000).toFixed(2)]
    console.log(`| ${name} | ${what} | ${figures.join(' | ')} |`)
  }
  await net.dispose()
}

function predictions(net: Model): Measured[] {
  const x = photosFor(net, predicted)
  return [
    { what: 'predict, 4 at once (default)', photos: predicted, work: () => net.predict(x) },
    { what: 'predict, 16 at once', photos: predicted, work: () => net.predict(x, { batchSize: 16 }) },
  ]
}

function trainingStep(net: Model): Measured[] {
  return [step(net, 'training step, every layer')]
}

/** Only the blocks of conv5 and the top train, as in the usual second stage of fine-tuning. */
function lastStage(net: Model): Measured[] {
  let behind = false
  for (const layer of net.layers) {
    behind ||= layer.name.startsWith('conv5_')
    layer.trainable = behind
  }
  return [step(net, 'training step, last stage (conv5)')]
}

function step(net: Model, what: string): Measured {
  net.compile({ optimizer: optimizers.sgd({ learningRate: 1e-4, momentum: 0.9 }), loss: 'categoricalCrossentropy' })
  const x = photosFor(net, trained)
  const y = tensor(Float32Array.from({ length: trained * 1000 }, (_, i) => (i % 1001 === 0 ? 1 : 0)), [trained, 1000]) // prettier-ignore
  return { what, photos: trained, work: () => net.trainOnBatch(x, y) }
}

function photosFor(net: Model, count: number): Tensor<'float32'> {
  const [, height, width] = net.input.shape as readonly number[]
  return noise(count, [height!, width!])
}
