/** @file A training process for resume.test.ts: trains, or goes on, in a folder until it is done or killed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as Layers from '../src/layers/index.ts'
import type * as Training from '../src/training/index.ts'

const [library = '', folder = ''] = process.argv.slice(2)
const layers = (await import(`${library}/layers/index.js`)) as typeof Layers
const { callbacks, metrics, model, optimizers } = (await import(`${library}/training/index.js`)) as typeof Training

const samples = 40
const numbers = (count: number, of: (i: number) => number): Float32Array => Float32Array.from({ length: count }, (_, i) => of(i))
const noise = (i: number): number => Math.sin(i * 12.9898) * 43758.5453 - Math.floor(Math.sin(i * 12.9898) * 43758.5453)
const size = 8
const x = { data: numbers(samples * size * size * 3, noise), shape: [samples, size, size, 3], dtype: 'float32' } as const
const y = { data: numbers(samples * 2, (i) => (Math.floor(i / 2) % 2 === i % 2 ? 1 : 0)), shape: [samples, 2], dtype: 'float32' } as const

const photo = layers.input({ shape: [size, size, 3] })
let h = layers.conv2d({ filters: 6, kernelSize: 3, name: 'conv' })(photo)
h = layers.activation({ activation: 'relu' })(layers.batchNormalization({ name: 'norm' })(h))
h = layers.dropout({ rate: 0.3, name: 'drop' })(layers.flatten({})(h))
const net = model({ inputs: photo, outputs: layers.dense({ units: 2, activation: 'softmax', name: 'head' })(h) })
net.compile({ optimizer: optimizers.adam({ learningRate: 0.003 }), loss: 'categoricalCrossentropy', metrics: ['accuracy', metrics.auc()] })

const history = await net.fit(x, y, {
  epochs: 60,
  batchSize: 4,
  validationSplit: 0.3,
  checkpoint: { folder: join(folder, 'last.ckpt'), everyBatches: 1 },
  resume: true,
  callbacks: [
    callbacks.modelCheckpoint({ filepath: join(folder, 'best.weights.h5'), saveBestOnly: true }),
    callbacks.earlyStopping({ patience: 55, restoreBestWeights: true }),
    callbacks.reduceLROnPlateau({ patience: 4, factor: 0.7 }),
    callbacks.csvLogger(join(folder, 'log.csv')),
  ],
  onEvent: ({ type }) => void (type === 'trainBegin' && process.stdout.write('training\n')),
})
const weights = net.weights.map((weight) => [weight.path, Buffer.from(weight.value().data.buffer).toString('base64')])
writeFileSync(join(folder, 'result.json'), JSON.stringify({ weights, history: history.history }))
