/** @file Trains a small network on drawn cats and dogs and writes everything that TensorBoard can show. Usage: tsx scripts/make-tensorboard-logs.ts LOGDIR */
import { ANIMALS, decode, drawAnimal } from '../src/image/index.ts'
import { activation, add, batchNormalization, conv2d, dense, depthwiseConv2d, globalAveragePooling2d, input } from '../src/layers/index.ts'
import { tensor } from '../src/tensor/index.ts'
import { callbacks, model } from '../src/training/index.ts'

const size = 48
const count = 96

async function drawn(from: number, n: number) {
  const image = async (i: number) => (await decode(await drawAnimal(ANIMALS[i % 2]!, from + i, size), 'drawing')).pixels
  const photos = await Promise.all(Array.from({ length: n }, (_, i) => image(i)))
  const x = Float32Array.from(
    photos.flatMap(({ data }) => [...data]),
    (value) => value / 127.5 - 1,
  )
  const y = photos.flatMap((_, i) => [Number(i % 2 === 0), Number(i % 2 === 1)])
  return { x: tensor(x, [n, size, size, 3]), y: tensor(y, [n, 2]), labels: photos.map((_, i) => ANIMALS[i % 2]!) }
}

const photo = input({ shape: [size, size, 3] })
const relu = (name: string) => activation({ activation: 'relu', name })
let x = relu('stem_relu')(
  batchNormalization({ name: 'stem_bn' })(conv2d({ filters: 8, kernelSize: 3, strides: 2, padding: 'same', name: 'stem' })(photo)),
)
const branch = relu('block_relu')(depthwiseConv2d({ kernelSize: 3, padding: 'same', name: 'block_depthwise' })(x))
x = add({ name: 'block_add' })([x, conv2d({ filters: 8, kernelSize: 1, name: 'block_project' })(branch)])
x = dense({ units: 16, activation: 'relu', name: 'dense_new' })(globalAveragePooling2d({ name: 'pool' })(x))
const net = model({ inputs: photo, outputs: dense({ units: 2, activation: 'softmax', name: 'dense_output' })(x) })
net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })

const [training, held] = [await drawn(0, count), await drawn(1000, 32)]
const logDir = process.argv[2] ?? 'logs'
const board = callbacks.tensorBoard({
  logDir,
  histogramFreq: 1,
  writeImages: true,
  writeGrads: true,
  writeStepsPerSecond: true,
  updateFreq: 'batch',
  embeddingsFreq: 1,
  embeddingsData: held.x,
  embeddingsMetadata: { class: held.labels, number: held.labels.map((_, i) => String(i)) },
})
const history = await net.fit(training.x, training.y, { epochs: 6, batchSize: 16, validationData: [held.x, held.y], callbacks: [board] })
console.log(logDir, history.history)
