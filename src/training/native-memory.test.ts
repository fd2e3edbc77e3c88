/** @file Native memory stays flat: weights and optimizer state are overwritten, nothing is left behind by a step. */
import { expect, it } from 'vitest'
import { batchNormalization, clearSession, conv2d, dense, flatten, input } from '../layers/index.ts'
import { collectGarbage, random, tensor } from '../tensor/index.ts'
import { model, type Model } from './model.ts'
import { adam } from './optimizers/index.ts'

/** Half a megabyte of weights: were one copy of them left behind by each step, 200 steps would leave 100 MB, and Adam's state twice that. */
function net(): Model {
  clearSession()
  const photo = input({ shape: [32, 32, 3] })
  const map = batchNormalization({})(conv2d({ filters: 16, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' })(photo))
  const features = dense({ units: 32, activation: 'relu' })(flatten({})(map))
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax' })(features) })
}

const megabytes = (): number => {
  collectGarbage()
  return process.memoryUsage().rss / 2 ** 20
}

it('200 steps of training and their evaluations stay within 40 MB', async () => {
  const rng = random('memory')
  const x = tensor(
    Float32Array.from({ length: 80 * 32 * 32 * 3 }, () => rng.uniform()),
    [80, 32, 32, 3],
  )
  const y = tensor(Array.from({ length: 80 }, (_, i) => [0, 1, 2].map((k) => (k === i % 3 ? 1 : 0))).flat(), [80, 3])
  const small = net()
  small.compile({ optimizer: adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const epochs: number[] = []
  await small.fit(x, y, {
    epochs: 23,
    batchSize: 8,
    validationData: { x, y },
    onEvent: (event) => event.type === 'epochEnd' && epochs.push(megabytes()),
  })
  expect(small.compiled.iterations).toBe(230)
  const [warm, last] = [epochs[2]!, epochs.at(-1)!]
  expect(last - warm, epochs.map((value) => value.toFixed(0)).join(' ')).toBeLessThan(40)
})

it('runs after one another free their programs', async () => {
  const x = tensor(new Float32Array(16 * 32 * 32 * 3), [16, 32, 32, 3])
  const y = tensor(Array.from({ length: 16 }, () => [1, 0, 0]).flat(), [16, 3])
  const small = net()
  const run = async (): Promise<void> => {
    small.compile({ optimizer: adam(), loss: 'categoricalCrossentropy' })
    await small.fit(x, y, { validationSplit: 0.25 })
    await small.trainOnBatch(x, y)
    await small.predict(x)
    await small.dispose()
  }
  // The allocator settles within some 20 runs; a program left behind would go on growing.
  for (let i = 0; i < 25; i++) await run()
  const before = megabytes()
  for (let i = 0; i < 20; i++) await run()
  expect(megabytes() - before).toBeLessThan(40)
})
