/**
 * @file Cats and dogs with InceptionV3, as in the Keras tutorials.
 *
 *   npx tsx examples/cats-and-dogs.ts SOURCE [--out cats-and-dogs] [--train 1000 --validation 500 --test 500] [--epochs 10]
 *                                     [--size 299] [--weights imagenet|none] [--preprocessing tutorial] [--photo PHOTO]
 *
 * SOURCE holds cat.0.jpg … and dog.0.jpg …, a thousand and more of each. In a project of your own, import from 'rootstock' and 'rootstock/report'.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { applications, callbacks, image, imageFolder, layers, model, optimizers, prepare } from '../src/index.ts'
import type { PreprocessMode, TrainingEvent } from '../src/index.ts'
import { plotTraining } from '../src/report/index.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: 'cats-and-dogs' },
    train: { type: 'string', default: '1000' },
    validation: { type: 'string', default: '500' },
    test: { type: 'string', default: '500' },
    epochs: { type: 'string', default: '10' },
    size: { type: 'string', default: '299' },
    weights: { type: 'string', default: 'imagenet' },
    preprocessing: { type: 'string' },
    photo: { type: 'string' },
  },
})
const [source = 'photos'] = positionals
const { out } = flags
const size = Number(flags.size)
const epochs = Number(flags.epochs)

// cat.0.jpg … → data/{train,validation,test}/{cat,dog}/: photos 0–999, 1000–1499 and 1500–1999 of each.
const data = join(out, 'data')
const prepared = await prepare(source, data, {
  labels: ['cat', 'dog'],
  train: Number(flags.train),
  validation: Number(flags.validation),
  test: Number(flags.test),
  force: true,
})
for (const part of ['train', 'validation', 'test'] as const)
  for (const [label, count] of prepared.counts[part]) console.log(`${part} ${label}: ${count} photos`)

// The network prepares the photos as it was trained on them. Tutorials scale by 1/255 instead, which costs accuracy; it is here to compare.
const preprocessing = flags.preprocessing as PreprocessMode | undefined
const reading = { targetSize: [size, size] as const, ...(preprocessing && { preprocessing }) }
const train = imageFolder(join(data, 'train'), reading)
const validation = imageFolder(join(data, 'validation'), reading)
const test = imageFolder(join(data, 'test'), reading)

// InceptionV3 without its top, frozen, and a new head.
const base = await applications.inceptionV3({
  weights: flags.weights === 'none' ? null : flags.weights,
  includeTop: false,
  inputShape: [size, size, 3],
})
base.trainable = false
let x = layers.globalAveragePooling2d({ name: 'average_pooling2d_new' })(base.output)
x = layers.dense({ units: 1024, activation: 'relu', name: 'dense_new' })(x)
const outputs = layers.dense({ units: 2, activation: 'softmax', name: 'dense_output' })(x)
const net = model({ inputs: base.input, outputs })

net.compile({
  optimizer: optimizers.adam({ learningRate: 0.005, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
})

mkdirSync(out, { recursive: true })
const best = join(out, 'best.weights.h5')
const watching = [
  callbacks.modelCheckpoint({ filepath: best, monitor: 'val_loss', saveBestOnly: true, saveWeightsOnly: true }),
  callbacks.earlyStopping({ monitor: 'val_loss', patience: 5 }),
  callbacks.reduceLROnPlateau({ monitor: 'val_loss', factor: 0.1, patience: 3, minDelta: 1e-4, cooldown: 0, minLr: 0 }),
  callbacks.tensorBoard({ logDir: join(out, 'logs'), histogramFreq: 1 }),
]
const said = {
  onEvent(event: TrainingEvent) {
    if (event.type === 'warning') console.warn(`warning: ${event.message}`)
    if (event.type === 'epochEnd') console.log(`Epoch ${event.epoch + 1}`, event.logs)
  },
}
const first = await net.fit(train, { epochs, batchSize: 32, validationData: validation, callbacks: watching, ...said })

// Keep the weights, and go on from them.
const weights = join(out, 'v3.weights.h5')
await net.saveWeights(weights)
await net.loadWeights(weights)
const more = await net.fit(train, {
  epochs: epochs + 1,
  initialEpoch: epochs,
  batchSize: 32,
  validationData: validation,
  callbacks: [
    callbacks.modelCheckpoint({
      filepath: join(out, 'continued.weights.h5'),
      monitor: 'val_loss',
      saveBestOnly: true,
      saveWeightsOnly: true,
    }),
  ],
  ...said,
})

// The curves of both.
const names = Object.keys(first.history)
const history = Object.fromEntries(names.map((name) => [name, [...(first.history[name] ?? []), ...(more.history[name] ?? [])]]))
const { svg, png } = plotTraining(history, { title: 'Cats and dogs' })
writeFileSync(join(out, 'curves.svg'), svg)
writeFileSync(join(out, 'curves.png'), png)

// The best epoch, on photos that it has not seen.
await net.loadWeights(best)
console.log('Test', await net.evaluate(test))

// One photo.
const photo = flags.photo ?? join(data, 'test', 'cat', (await firstPhoto(join(data, 'test', 'cat'))) ?? '')
const pixels = await image.load(photo, { targetSize: [size, size] })
const input =
  flags.preprocessing === 'tutorial' ? image.preprocess(pixels, 'tutorial') : applications.preprocessInput('inceptionV3', pixels)
const answer = await net.predict(input)
console.log(photo, Object.fromEntries(prepared.classNames.map((label, i) => [label, answer.data[i]])))
await net.dispose()

async function firstPhoto(folder: string): Promise<string | undefined> {
  const { readdir } = await import('node:fs/promises')
  return (await readdir(folder)).sort()[0]
}
