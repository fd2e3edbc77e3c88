/** @file Our side of the comparisons, by the public interface alone; told what to do as the Python sides are (`turns.py`). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Callback, Model, Tensor, TrainingEvent } from '../../src/index.ts'
import { noise } from '../noise.ts'
import { rootstock } from './rootstock.ts'
import type { Given, Job } from './rows.ts'
import type { Figures } from './sides.ts'
import { median } from '../turns.ts'

const { applications, callbacks, imageFolder, layers, model, optimizers, setRandomSeed, tensor } = rootstock

type Work = () => Promise<unknown>
type Told = Job & Given

/** These give back work that is done for every "go" on stdin. */
const repeated: Partial<Record<Job['job'], (job: Told) => Promise<Work>>> = { train, predict, features, photos }
/** These are done once. */
const whole: Partial<Record<Job['job'], (job: Told) => Promise<void>>> = { tutorial, finetune }

// The same weights in every process, so that stored features fit.
setRandomSeed(0)
const told = JSON.parse(process.argv[2] ?? '') as Told
await whole[told.job]?.(told)
const work = await repeated[told.job]?.(told)
if (work) await serve(work)

async function serve(work: Work): Promise<void> {
  await work()
  say({ ready: '' })
  for await (const go of createInterface({ input: process.stdin })) {
    if (go !== 'go') continue
    const [started, before] = [performance.now(), process.cpuUsage()]
    await work()
    const { user, system } = process.cpuUsage(before)
    say({ seconds: (performance.now() - started) / 1000, busy: (user + system) / 1e6 })
  }
}

function say(message: unknown): void {
  console.log(JSON.stringify(message))
}

/** One whole training step. */
async function train({ network, photos, frozenBatchNorm = false }: Told): Promise<Work> {
  const net = await applications.application(network, { weights: null })
  if (frozenBatchNorm) for (const layer of net.layers) if (layer.className === 'BatchNormalization') layer.trainable = false
  net.compile({ optimizer: optimizers.sgd({ learningRate: 1e-4, momentum: 0.9 }), loss: 'categoricalCrossentropy' })
  const y = labels(photos, 1000)
  const x = photosFor(net, photos)
  return () => net.trainOnBatch(x, y)
}

/** Photos in memory, as many at a time as `predict` chooses. */
async function predict({ network, photos }: Told): Promise<Work> {
  const net = await applications.application(network, { weights: null })
  const x = photosFor(net, photos)
  return () => net.predict(x)
}

/** As `predict`, of a network whose frozen part has become an 8-bit one; with a tiny head, since `fit` is what does that. */
async function features({ network, photos }: Told): Promise<Work> {
  const side = network === 'inceptionV3' || network === 'xception' ? 299 : 224
  const net = await frozen(network, side)
  const x = noise(photos, [side, side])
  const some = { ...x, data: x.data.slice(0, 32 * side * side * 3), shape: [32, side, side, 3] }
  // The doctor rightly finds that noise is not what the network was made for.
  await net.fit(some, labels(32, 2), { precision: 'int8', sanity: false, onEvent: refuseWarnings })
  return () => net.predict(x)
}

/** From files to features, and a tiny head on them. */
async function photos({ network, folder, precision = 'fp32' }: Told): Promise<Work> {
  const net = await frozen(network, 299)
  const data = imageFolder(join(folder, 'train'))
  if (precision === 'int8') await net.fit(data, { precision, featureStore: false, sanity: false, onEvent: refuseWarnings })
  return () => net.evaluate(data, { featureStore: false, onEvent: refuseWarnings })
}

/** The script of the tutorials (examples/cats-and-dogs.ts): frozen InceptionV3, Dense 1024, softmax. */
async function tutorial({ folder, epochs = 1, precision = 'fp32' }: Told): Promise<void> {
  const base = await applications.inceptionV3({ weights: null, includeTop: false, inputShape: [299, 299, 3] })
  base.trainable = false
  let x = layers.globalAveragePooling2d()(base.output)
  x = layers.dense({ units: 1024, activation: 'relu' })(x)
  const net = model({ inputs: base.input, outputs: layers.dense({ units: 2, activation: 'softmax' })(x) })
  net.compile({
    optimizer: optimizers.adam({ learningRate: 0.005, epsilon: 1e-8 }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  })
  const out = mkdtempSync(join(tmpdir(), 'rootstock-tutorial-'))
  const clock = epochClock()
  const watching = [
    clock.callback,
    callbacks.modelCheckpoint({ filepath: join(out, 'best.weights.h5'), monitor: 'val_loss', saveBestOnly: true, saveWeightsOnly: true }),
    callbacks.tensorBoard({ logDir: join(out, 'logs'), histogramFreq: 1 }),
  ]
  const options = { epochs, batchSize: 32, precision, validationData: imageFolder(join(folder, 'validation')), callbacks: watching }
  await net.fit(imageFolder(join(folder, 'train')), { ...options, onEvent: clock.hear })
  rmSync(out, { recursive: true })
  say(clock.said())
}

/** As `Clock` in keras_side.py: the first of the callbacks, so that the others work between the end of an epoch and the beginning of the next. */
function epochClock(): { callback: Callback; hear: (event: TrainingEvent) => void; said: () => Partial<Figures> } {
  const [begins, ends]: [number[], number[]] = [[], []]
  const features = new Map<string, number>()
  const callback: Callback = {
    name: 'clock',
    onEpochBegin: () => void begins.push(performance.now()),
    onEpochEnd: () => void ends.push(performance.now()),
    onTrainEnd: () => void begins.push(performance.now()),
  }
  const hear = (event: TrainingEvent): void => {
    refuseWarnings(event)
    if (event.type === 'featuresProgress') features.set(event.split, event.seconds)
  }
  const said = (): Partial<Figures> => {
    const epochs = ends.map((end, i) => (end - begins[i]!) / 1000)
    const between = ends.map((end, i) => (begins[i + 1]! - end) / 1000)
    return {
      once: [...features.values()].reduce((sum, seconds) => sum + seconds, 0),
      epoch: median(epochs.length > 1 ? epochs.slice(1) : epochs),
      between: median(between),
    }
  }
  return { callback, hear, said }
}

/** The last stage of ResNet50 and a new top train, the rest is frozen. */
async function finetune({ folder, epochs = 1, precision = 'fp32' }: Told): Promise<void> {
  const net = await frozen('resnet50', 224)
  let isBehind = false
  for (const layer of net.layers) {
    isBehind ||= layer.name.startsWith('conv5_')
    layer.trainable = isBehind
  }
  net.compile({ optimizer: optimizers.sgd({ learningRate: 1e-3, momentum: 0.9 }), loss: 'categoricalCrossentropy' })
  await net.fit(imageFolder(join(folder, 'train')), { epochs, batchSize: 16, precision, onEvent: refuseWarnings })
}

async function frozen(network: Job['network'], side: number): Promise<Model> {
  const base = await applications.application(network, { weights: null, includeTop: false, pooling: 'avg', inputShape: [side, side, 3] })
  base.trainable = false
  const net = model({ inputs: base.input, outputs: layers.dense({ units: 2, activation: 'softmax' })(base.output) })
  net.compile({ optimizer: optimizers.sgd({ learningRate: 1e-4 }), loss: 'categoricalCrossentropy' })
  return net
}

function photosFor(net: Model, count: number): Tensor<'float32'> {
  const [, height, width] = net.input.shape as readonly number[]
  return noise(count, [height!, width!])
}

function labels(count: number, classes: number): Tensor<'float32'> {
  const data = new Float32Array(count * classes)
  for (let i = 0; i < count; i++) data[i * classes + (i % classes)] = 1
  return tensor(data, [count, classes])
}

/** A run that fell back to float32, or left photos out, is not what is to be measured. That random weights learn little does not matter. */
function refuseWarnings(event: TrainingEvent): void {
  if (event.type === 'warning' && event.by !== 'sanity') throw new Error(`Cannot measure: ${event.message}`)
}
