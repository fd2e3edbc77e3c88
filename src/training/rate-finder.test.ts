/** @file The learning-rate finder: what it tries, when it stops, and that it leaves no trace. */
import { expect, it } from 'vitest'
import { clearSession, dense, flatten, input } from '../layers/index.ts'
import type { TrainingEvent } from './events.ts'
import { model, type Model } from './model.ts'
import { adam, sgd } from './optimizers/index.ts'
import { exponentialDecay } from './schedules/index.ts'
import { photos, smallNet, weightsOf } from './small.cases.ts'

const data = photos(30)

function compiled(optimizer = sgd({ learningRate: 0.05, momentum: 0.9 }), net = smallNet()): Model {
  net.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return net
}

it('tries rates from the first to the last, evenly in their logarithm', async () => {
  const { rates, losses } = await compiled().findLearningRate(data.x, data.y, { from: 1e-5, to: 1e-2, steps: 31, batchSize: 7 })
  expect(rates).toHaveLength(31)
  expect(losses).toHaveLength(31)
  expect(rates[0]).toBeCloseTo(1e-5, 10)
  expect(rates[10]).toBeCloseTo(1e-4, 9)
  expect(rates[30]).toBeCloseTo(1e-2, 7)
  expect(losses.every(Number.isFinite)).toBe(true)
})

it('suggests a rate that trains better than one a thousand times smaller', async () => {
  const { suggested = NaN } = await compiled(adam()).findLearningRate(data.x, data.y, { steps: 60, batchSize: 10 })
  expect(suggested).toBeGreaterThan(1e-5)
  expect(suggested).toBeLessThan(1)
  const lossWith = async (learningRate: number): Promise<number> => {
    const { history } = await compiled(adam({ learningRate })).fit(data.x, data.y, { epochs: 5, batchSize: 10 })
    return history['loss']?.at(-1) ?? NaN
  }
  expect(await lossWith(suggested)).toBeLessThan(await lossWith(suggested / 1000))
})

it('suggests no rate of the first steps, whose smoothed loss is that of few batches', async () => {
  const suggested: (number | undefined)[] = []
  for (let seed = 0; seed < 8; seed++)
    suggested.push((await compiled(adam()).findLearningRate(data.x, data.y, { steps: 60, batchSize: 2, seed })).suggested)
  expect(suggested.filter((rate = 0) => rate < 1e-5)).toEqual([])
})

it('stops where the loss blows up, without an error', async () => {
  const { rates } = await compiled().findLearningRate(data.x, data.y, { from: 1e-3, to: 1e20, steps: 100, batchSize: 10 })
  expect(rates.length).toBeLessThan(60)
})

/** Its kernel is so large that the optimizer works outside the graph, in memory that belongs to the compilation. */
function largeNet(): Model {
  clearSession()
  const photo = input({ shape: [8, 8, 3] })
  const hidden = dense({ units: 700, activation: 'relu' })(flatten({})(photo))
  return model({ inputs: photo, outputs: dense({ units: 3, activation: 'softmax' })(hidden) })
}

/** Told by one word, since the difference of so many numbers takes minutes to be shown. */
const areEqual = async (a: Model, b: Model): Promise<boolean> => JSON.stringify(await weightsOf(a)) === JSON.stringify(await weightsOf(b))

it.each([
  ['a small network', smallNet],
  ['a large kernel', largeNet],
])('leaves weights, optimizer and later training of %s as they were', async (_name, make) => {
  const [tried, fresh] = [compiled(undefined, make()), compiled(undefined, make())]
  await tried.fit(data.x, data.y, { epochs: 1 })
  await fresh.fit(data.x, data.y, { epochs: 1 })
  await tried.findLearningRate(data.x, data.y, { steps: 20 })
  expect(await areEqual(tried, fresh)).toBe(true)
  await tried.fit(data.x, data.y, { epochs: 2 })
  await fresh.fit(data.x, data.y, { epochs: 2 })
  expect(await areEqual(tried, fresh)).toBe(true)
})

it('is canceled by a signal, and leaves weights as they were', async () => {
  const [net, fresh] = [compiled(), compiled()]
  const stop = new AbortController()
  const onEvent = ({ type }: TrainingEvent): void => {
    if (type === 'batchEnd') stop.abort()
  }
  const found = net.findLearningRate(data.x, data.y, { signal: stop.signal, onEvent })
  await expect(found).rejects.toMatchObject({ code: 'CANCELED' })
  expect(await weightsOf(net)).toEqual(await weightsOf(fresh))
})

it('works with an optimizer that follows a schedule', async () => {
  const schedule = exponentialDecay({ initialLearningRate: 0.1, decaySteps: 10, decayRate: 0.5 })
  const { rates } = await compiled(sgd({ learningRate: schedule })).findLearningRate(data.x, data.y, { steps: 12 })
  expect(rates).toHaveLength(12)
})

it.each([
  [{ from: 0 }, /from is 0, expected a number above 0/],
  [{ from: 1, to: 0.1 }, /to is 0.1, expected a number above 1/],
  [{ steps: 3 }, /steps is 3, expected a whole number from 10/],
])('refuses %j', async (options, says) => {
  await expect(compiled().findLearningRate(data.x, data.y, options)).rejects.toThrow(says)
})
