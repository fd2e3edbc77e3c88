/** @file What `fit` does to weights and figures, on tiny networks; whole runs are held to Keras in test/training.golden.test.ts. */
import { describe, expect, it } from 'vitest'
import { dense, dropout, globalAveragePooling2d, input, multiply } from '../layers/index.ts'
import { tensor, zeros } from '../tensor/index.ts'
import type { FitOptions } from './fit.ts'
import { model, type Model } from './model.ts'
import { adam, sgd } from './optimizers/index.ts'
import { dropoutNet, part, photos, residualNet, smallNet, weightsOf, type Photos } from './small.cases.ts'

const data = photos(20)
const still = sgd({ learningRate: 0 })
const moving = sgd({ learningRate: 0.05, momentum: 0.9 })
const inOrder = { shuffle: false, batchSize: 8 } as const

function compiled(net: Model, optimizer = moving, metrics: readonly string[] = ['accuracy']): Model {
  net.compile({ optimizer, loss: 'categoricalCrossentropy', metrics })
  return net
}

async function lossOf(net: Model, { x, y }: Photos, options: FitOptions = {}): Promise<number> {
  return (await net.fit(x, y, { shuffle: false, ...options })).history['loss']![0]!
}

/** The loss of every sample alone. */
async function eachLoss(net: Model, all: Photos): Promise<number[]> {
  const losses: number[] = []
  for (let i = 0; i < all.labels.length; i++) losses.push((await net.evaluate(part(all, i, i + 1).x, part(all, i, i + 1).y))['loss']!)
  return losses
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe('batches', () => {
  it('give as many steps as samples need, the last one smaller', async () => {
    const seen: number[] = []
    const net = compiled(smallNet())
    await net.fit(data.x, data.y, { ...inOrder, onEvent: (event) => event.type === 'batchEnd' && seen.push(event.samples) })
    expect(seen).toEqual([8, 16, 20])
    expect(net.compiled.iterations).toBe(3)
  })

  it('count by samples in the loss, not by batches', async () => {
    const net = compiled(residualNet(), still)
    expect(await lossOf(net, data, inOrder)).toBeCloseTo(mean(await eachLoss(net, data)), 5)
  })

  it('come in the same order for the same seed, and in another for another', async () => {
    const run = async (seed: number): Promise<number> => {
      const net = compiled(smallNet())
      return (await net.fit(data.x, data.y, { batchSize: 4, seed })).history['loss']![0]!
    }
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  it('are one step of trainOnBatch each', async () => {
    const [fitted, stepped] = [compiled(smallNet()), compiled(smallNet())]
    const { history } = await fitted.fit(data.x, data.y, { ...inOrder, epochs: 2 })
    const losses: number[] = []
    for (const [from, to] of [
      [0, 8],
      [8, 16],
      [16, 20],
      [0, 8],
      [8, 16],
      [16, 20],
    ] as const) {
      const { x, y } = part(data, from, to)
      losses.push((await stepped.trainOnBatch(x, y))['loss']! * (to - from))
    }
    expect(await weightsOf(stepped)).toEqual(await weightsOf(fitted))
    expect((losses[0]! + losses[1]! + losses[2]!) / 20).toBeCloseTo(history['loss']![0]!, 6)
    await stepped.dispose()
  })

  it('are one step of trainOnBatch each behind a frozen trunk too', async () => {
    const nets = [smallNet(), smallNet()]
    for (const net of nets) for (const name of ['body', 'norm']) net.getLayer(name).trainable = false
    const [fitted, stepped] = nets.map((net) => compiled(net)) as [Model, Model]
    await fitted.fit(data.x, data.y, { ...inOrder, batchSize: 20 })
    const logs = await stepped.trainOnBatch(data.x, data.y)
    expect(Object.keys(logs)).toEqual(['loss', 'accuracy'])
    expect(await weightsOf(stepped)).toEqual(await weightsOf(fitted))
    await stepped.dispose()
  })
})

describe('stepsPerEpoch', () => {
  // Keras 3.15: a dense layer of ones without shuffling, SGD at 0.1, on these six samples.
  const x = tensor([1, 0, 0, 1, 1, 1, 2, -1, -1, 0.5, 0.5, 2], [6, 2])
  const y = tensor([1, 2, 0, -1, 0.5, 3], [6, 1])
  it.each<[string, FitOptions, number[]]>([
    ['every sample once', { batchSize: 1, epochs: 3, stepsPerEpoch: 2 }, [0.5, 3.4208002, 1.1654673]],
    ['short epochs at the end of the data', { batchSize: 1, epochs: 4, stepsPerEpoch: 4 }, [1.9604001, 1.1654673, 1.4790052, 0.3782393]],
    ['a last batch that is smaller', { batchSize: 4, epochs: 3, stepsPerEpoch: 1 }, [2.25, 0.5853127, 1.3556042]],
    ['more steps than there are', { batchSize: 4, epochs: 2, stepsPerEpoch: 5 }, [1.6951042, 0.9628999]],
    ['another number for the first epoch', { batchSize: 1, initialEpoch: 3, epochs: 5, stepsPerEpoch: 4 }, [1.9604001, 1.1654673]],
  ])("walks through the data over epochs, with Keras's losses: %s", async (_, options, losses) => {
    const pair = input({ shape: [2] })
    const net = model({ inputs: pair, outputs: dense({ units: 1, kernelInitializer: 'ones' })(pair) })
    net.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'mse' })
    const { history } = await net.fit(x, y, { ...options, shuffle: false })
    expect(history['loss']).toHaveLength(losses.length)
    losses.forEach((loss, i) => expect(history['loss']![i]).toBeCloseTo(loss, 5))
    await net.dispose()
  })

  it('keeps one order until all samples were seen', async () => {
    const [walked, whole] = [compiled(smallNet()), compiled(smallNet())]
    await walked.fit(data.x, data.y, { batchSize: 4, epochs: 6, stepsPerEpoch: 2 })
    await whole.fit(data.x, data.y, { batchSize: 4, epochs: 2 })
    expect(await weightsOf(walked)).toEqual(await weightsOf(whole))
  })
})

describe('validationSplit', () => {
  it('takes the last part, before shuffling', async () => {
    const options: FitOptions = { epochs: 2, batchSize: 8, seed: 5 }
    const [split, given] = [compiled(smallNet()), compiled(smallNet())]
    const found = await split.fit(data.x, data.y, { ...options, validationSplit: 0.25 })
    const train = part(data, 0, 15)
    const held = part(data, 15, 20)
    const expected = await given.fit(train.x, train.y, { ...options, validationData: [held.x, held.y] })
    expect(found.history).toEqual(expected.history)
    expect(Object.keys(found.history)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy'])
  })

  it.each([0, 1, -0.5, 0.99, NaN])('refuses %s of 20 samples', async (validationSplit) => {
    await expect(compiled(smallNet()).fit(data.x, data.y, { validationSplit })).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('weights of samples and classes', () => {
  const classWeight = { 0: 2, 2: 0.5 }
  const asSamples = data.labels.map((label) => [2, 1, 0.5][label]!)

  it('multiply the losses and leave the divisor', async () => {
    const net = compiled(residualNet(), still)
    const losses = await eachLoss(net, data)
    const expected = mean(losses.map((loss, i) => loss * asSamples[i]!))
    expect(await lossOf(net, data, { classWeight })).toBeCloseTo(expected, 5)
    expect(await lossOf(net, data, { sampleWeight: asSamples })).toBeCloseTo(expected, 5)
  })

  it('stay with their samples when these are shuffled, and multiply each other', async () => {
    const net = compiled(residualNet(), still)
    const losses = await eachLoss(net, data)
    const sampleWeight = data.labels.map((_, i) => i / 10)
    const expected = mean(losses.map((loss, i) => (loss * asSamples[i]! * i) / 10))
    expect(await lossOf(net, data, { classWeight, sampleWeight, shuffle: true, batchSize: 3 })).toBeCloseTo(expected, 5)
    expect((await net.trainOnBatch(data.x, data.y, { classWeight, sampleWeight }))['loss']).toBeCloseTo(expected, 5)
    await net.dispose()
  })

  it('take labels between two classes for the even one, as in Keras', async () => {
    const pair = input({ shape: [2] })
    const net = model({ inputs: pair, outputs: dense({ units: 1, kernelInitializer: 'ones' })(pair) })
    net.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'mse' })
    const x = tensor([1, 0, 0, 1, 1, 1, 2, -1, -1, 0.5, 0.5, 2], [6, 2])
    const options = { classWeight: { 0: 2, 1: 10, 2: 100, 3: 1000 } }
    expect((await net.trainOnBatch(x, tensor([0.5, 1.5, 2.5, 0, 1, -0.5], [6, 1]), options))['loss']).toBeCloseTo(15.5, 4)
    await net.dispose()
  })

  it('by class are refused as a Map, which has no properties', async () => {
    const classWeight = new Map([[0, 2]]) as unknown as Record<number, number>
    await expect(lossOf(compiled(smallNet()), data, { classWeight })).rejects.toThrow('found a Map, expected an object')
  })

  it('of zero keep samples from teaching anything', async () => {
    const [half, all] = [compiled(residualNet()), compiled(residualNet())]
    const first = part(data, 0, 10)
    await half.fit(first.x, first.y, { batchSize: 10, shuffle: false })
    // Twice the divisor, so twice the weight.
    await all.fit(data.x, data.y, { batchSize: 20, shuffle: false, sampleWeight: data.labels.map((_, i) => (i < 10 ? 2 : 0)) })
    const [expected, found] = [await weightsOf(half), await weightsOf(all)]
    for (const [path, values] of Object.entries(expected)) values.forEach((value, i) => expect(found[path]![i]).toBeCloseTo(value, 5))
  })

  it("of held out samples weigh their losses, with Keras's figures", async () => {
    const x = tensor([1, 0, 0, 1, 1, 1, 2, -1, -1, 0.5, 0.5, 2], [6, 2])
    const y = tensor([1, 2, 0, -1, 0.5, 3], [6, 1])
    const pair = input({ shape: [2] })
    const net = model({ inputs: pair, outputs: dense({ units: 1, kernelInitializer: 'ones' })(pair) })
    net.compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'mse' })
    const options = { shuffle: false, batchSize: 6, epochs: 2, validationBatchSize: 4 }
    const { history } = await net.fit(x, y, { ...options, validationData: [x, y, [1, 2, 0.5, 0, 3, 1]] })
    ;[0.944372, 0.7811711].forEach((loss, i) => expect(history['val_loss']![i]).toBeCloseTo(loss, 5))
    const refused = { code: 'SHAPE', message: expect.stringContaining('found 2 weights') as string }
    await expect(net.fit(x, y, { validationData: [x, y, [1, 2]] })).rejects.toMatchObject(refused)
    const four = [x, y, [1, 2, 0.5, 0, 3, 1], 1] as never
    await expect(net.fit(x, y, { validationData: four })).rejects.toThrow(/found a list of 4, expected \[x, y\] or \[x, y, sampleWeight\]/)
    await net.dispose()
  })

  it('must be one for each sample', async () => {
    const net = compiled(smallNet())
    const error = { code: 'SHAPE', message: 'Cannot weigh the samples: found 2 weights, expected one for each of 20 samples' }
    await expect(net.fit(data.x, data.y, { sampleWeight: [1, 2] })).rejects.toMatchObject(error)
    await expect(net.trainOnBatch(data.x, data.y, { sampleWeight: [1, 2] })).rejects.toMatchObject(error)
  })

  it.each([NaN, Infinity])('must be finite, not %s, and are named where they are not', async (odd) => {
    const net = compiled(smallNet())
    const sampleWeight = data.labels.map((_, i) => (i === 7 ? odd : 1))
    const error = { code: 'DATA', message: `Cannot weigh the samples: found ${odd} at 7 of sampleWeight, expected a finite number` }
    await expect(net.fit(data.x, data.y, { sampleWeight })).rejects.toMatchObject(error)
    await expect(net.fit(data.x, data.y, { validationData: [data.x, data.y, sampleWeight] })).rejects.toMatchObject(error)
    await expect(net.trainOnBatch(data.x, data.y, { sampleWeight })).rejects.toMatchObject(error)
  })
})

describe('trainable', () => {
  const moved = async (net: Model): Promise<string[]> => {
    const before = await weightsOf(net)
    await net.fit(data.x, data.y, inOrder)
    const after = await weightsOf(net)
    return Object.keys(before).filter((path) => before[path]!.join() !== after[path]!.join())
  }

  it('counts from the next compile on, once a step was made', async () => {
    const net = compiled(residualNet())
    expect(await moved(net)).toContain('third/kernel')
    net.getLayer('third').trainable = false
    expect(await moved(net)).toContain('third/kernel')
    const others = Object.keys(await weightsOf(net)).filter((path) => !path.startsWith('third/'))
    expect(await moved(compiled(net))).toEqual(others)
    net.getLayer('third').trainable = true
    expect(await moved(net)).not.toContain('third/kernel')
    expect(await moved(compiled(net))).toContain('third/kernel')
  })

  it('false for everything is refused', async () => {
    const net = residualNet()
    net.trainable = false
    await expect(compiled(net).fit(data.x, data.y)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('no trainable weight') as string,
      hint: expect.stringContaining('frozen as a whole') as string,
    })
  })

  it('true for a batch norm lets its statistics follow the batch', async () => {
    const net = compiled(smallNet(), still)
    await net.fit(data.x, data.y, { batchSize: 20 })
    const { 'norm/moving_mean': average, 'norm/moving_variance': variance } = await weightsOf(net)
    expect(average!.every((value) => value !== 0)).toBe(true)
    // 0.99 of the old 1 and 0.01 of a variance that is positive.
    expect(variance!.every((value) => value > 0.99 && value !== 1)).toBe(true)
  })

  it.each([
    ['in the trunk', ['body', 'norm']],
    ['in the graft', ['norm']],
  ])('false for a batch norm %s keeps it on its moving statistics', async (_where, frozen) => {
    const net = smallNet()
    for (const name of frozen) net.getLayer(name).trainable = false
    const statistics = { 'norm/moving_mean': [0.3, -0.2, 0.1, 0.5], 'norm/moving_variance': [2, 0.5, 1.5, 3] }
    for (const weight of net.weights) {
      const values = Object.entries(statistics).find(([path]) => path === weight.path)?.[1]
      if (values) weight.assign(values)
    }
    compiled(net, still)
    expect(await lossOf(net, data, inOrder)).toBeCloseTo((await net.evaluate(data.x, data.y))['loss']!, 5)
    const after = await weightsOf(compiled(net))
    for (const [path, values] of Object.entries(statistics)) expect(after[path]).toEqual(Array.from(Float32Array.from(values)))
    await net.fit(data.x, data.y, inOrder)
    for (const [path, values] of Object.entries(statistics))
      expect((await weightsOf(net))[path]).toEqual(Array.from(Float32Array.from(values)))
  })
})

describe('dropout', () => {
  it('draws by seed and step, and rests in evaluation', async () => {
    const losses = async (seed: number): Promise<number[]> =>
      (await compiled(dropoutNet(), still).fit(data.x, data.y, { batchSize: 20, epochs: 3, seed, shuffle: false })).history['loss']!
    const [first, again, other] = [await losses(1), await losses(1), await losses(2)]
    expect(again).toEqual(first)
    expect(new Set([...first, ...other]).size).toBe(6)
    const [dropping, plain] = [compiled(dropoutNet(), still), compiled(dropoutNet(0), still)]
    expect((await dropping.evaluate(data.x, data.y))['loss']).toBe((await plain.evaluate(data.x, data.y))['loss'])
    expect([...(await dropping.predict(data.x)).data]).toEqual([...(await plain.predict(data.x)).data])
  })

  it('keeps the mean of what passes', async () => {
    const net = dropoutNet()
    net.getLayer('head').weights[0]!.assign(new Float32Array(8 * 8 * 3 * 3).map((_, i) => (i % 3 === 0 ? 0.01 : 0)))
    compiled(net, still)
    const ones = tensor(new Float32Array(200 * 192).fill(1), [200, 8, 8, 3])
    const labels = tensor(new Float32Array(600).map((_, i) => (i % 3 === 0 ? 1 : 0)), [200, 3]) // prettier-ignore
    const quiet = (await net.evaluate(ones, labels))['loss']!
    const noisy = (await net.fit(ones, labels, { batchSize: 200 })).history['loss']![0]!
    expect(noisy).not.toBe(quiet)
    expect(Math.abs(noisy / quiet - 1)).toBeLessThan(0.05)
  })

  it('at a rate of 1 lets nothing pass, as in Keras', async () => {
    const { history } = await compiled(dropoutNet(1), still).fit(data.x, data.y, inOrder)
    expect(history['loss']![0]).toBeCloseTo(Math.log(3), 5)
  })

  it('of one layer draws anew for each of its calls, and so does a namesake in a nested model', async () => {
    const drop = dropout({ rate: 0.5, name: 'drop' })
    const inside = input({ shape: [400] })
    const nested = model({ inputs: inside, outputs: dropout({ rate: 0.5, name: 'drop' })(inside) })
    for (const [first, second] of [
      [drop, drop],
      [drop, nested],
      [nested, nested],
    ] as const) {
      const x = input({ shape: [400] })
      const mean = dense({ units: 1, kernelInitializer: 'ones', useBias: false })(multiply()([first(x), second(x)]))
      const net = model({ inputs: x, outputs: mean })
      net.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'mse' })
      const ones = tensor(new Float32Array(20 * 400).fill(1 / 20), [20, 400])
      // Each product is 4/400 or nothing: one time in four, or in two were both masks the same.
      const { loss } = await net.trainOnBatch(ones, tensor(new Float32Array(20).fill(1), [20, 1]))
      expect(loss).toBeLessThan(0.1)
      await net.dispose()
    }
  })

  it('in front of everything that trains is drawn anew all the same', async () => {
    const net = dropoutNet()
    net.getLayer('drop').trainable = false
    const { history } = await compiled(net, still).fit(data.x, data.y, { batchSize: 20, epochs: 2, shuffle: false })
    expect(history['loss']![0]).not.toBe(history['loss']![1])
  })
})

describe('between two runs', () => {
  it("the optimizer's memory stays, until compile with another one", async () => {
    for (const make of [() => sgd({ learningRate: 0.05, momentum: 0.9 }), () => adam({ learningRate: 0.01 })]) {
      const [once, twice, reset] = [compiled(smallNet(), make()), compiled(smallNet(), make()), compiled(smallNet(), make())]
      await once.fit(data.x, data.y, { ...inOrder, epochs: 2 })
      for (const net of [twice, reset]) await net.fit(data.x, data.y, inOrder)
      await twice.fit(data.x, data.y, inOrder)
      await compiled(reset, make()).fit(data.x, data.y, inOrder)
      expect(await weightsOf(twice)).toEqual(await weightsOf(once))
      expect(twice.compiled.iterations).toBe(6)
      expect(await weightsOf(reset)).not.toEqual(await weightsOf(once))
      expect(reset.compiled.iterations).toBe(3)
    }
  })

  it('weights that were assigned are used, frozen ones too', async () => {
    const net = residualNet()
    for (const name of ['first', 'second']) net.getLayer(name).trainable = false
    compiled(net, still)
    const before = await lossOf(net, data)
    await net.trainOnBatch(data.x, data.y)
    for (const path of ['first/kernel', 'head/kernel']) {
      const weight = net.weights.find((candidate) => candidate.path === path)!
      weight.assign((await weight.read()).data.map((value) => 2 * value))
      const after = await lossOf(net, data)
      expect(Math.abs(after / before - 1)).toBeGreaterThan(0.001)
      expect((await net.evaluate(data.x, data.y))['loss']).toBeCloseTo(after, 5)
      expect((await net.trainOnBatch(data.x, data.y))['loss']).toBeCloseTo(after, 5)
    }
    await net.dispose()
  })

  it('predict uses the new weights', async () => {
    const net = compiled(smallNet())
    const before = [...(await net.predict(data.x)).data]
    await net.fit(data.x, data.y, inOrder)
    const after = [...(await net.predict(data.x)).data]
    expect(after).not.toEqual(before)
    const evaluated = await net.evaluate(data.x, data.y)
    const loss = mean(data.labels.map((label, i) => -Math.log(after[3 * i + label]!)))
    expect(evaluated['loss']).toBeCloseTo(loss, 5)
    await net.dispose()
  })
})

describe('what cannot be trained', () => {
  const net = (): Model => compiled(smallNet())

  it.each([
    ['no compile', () => smallNet().fit(data.x, data.y), 'USAGE', /not compiled/],
    ['labels of another width', () => net().fit(data.x, zeros([20, 2])), 'SHAPE', /labels have shape \[8,2\]|labels have shape \[20,2\]/],
    ['class numbers for one-hot rows', () => net().fit(data.x, zeros([20])), 'SHAPE', /expected \[n,3\]/],
    ['fewer labels than photos', () => net().fit(data.x, zeros([19, 3])), 'SHAPE', /x has shape \[20,8,8,3\] and y \[19,3\]/],
    [
      'numbers that do not fill the shape',
      () => net().fit({ ...data.x, data: new Float32Array(5) }, data.y),
      'SHAPE',
      /x has 5 numbers, expected 3840/,
    ],
    ['bytes', () => net().fit({ ...data.x, data: Uint8Array.from(data.x.data), dtype: 'uint8' } as never, data.y), 'USAGE', /"uint8"/],
    [
      'bytes for validation',
      () => net().fit(data.x, data.y, { validationData: [{ ...data.x, data: Uint8Array.from(data.x.data) } as never, data.y] }),
      'USAGE',
      /\(Uint8Array\), expected "float32" \(Float32Array\)/,
    ],
    ['no photos', () => net().fit(zeros([0, 8, 8, 3]), zeros([0, 3])), 'SHAPE', /at least one/],
    ['photos of another size', () => net().fit(zeros([20, 9, 8, 3]), data.y), 'SHAPE', /\[null,9,8,3\], expected \[null,8,8,3\]/],
    [
      'validation photos of another size',
      () => net().fit(data.x, data.y, { validationData: [zeros([2, 4, 4, 3]), zeros([2, 3])] }),
      'SHAPE',
      /photos are \[4,4,3\]/,
    ],
    ['a tensor without labels', () => (net() as unknown as { fit(x: unknown): Promise<unknown> }).fit(data.x), 'USAGE', /without labels/],
    ['half an epoch', () => net().fit(data.x, data.y, { epochs: 0.5 }), 'USAGE', /epochs: found 0.5/],
    ['a batch of nothing', () => net().fit(data.x, data.y, { batchSize: 0 }), 'USAGE', /batchSize: found 0/],
    [
      'a validation batch of nothing',
      () => net().fit(data.x, data.y, { validationSplit: 0.5, validationBatchSize: 0 }),
      'USAGE',
      /Invalid validationBatchSize: found 0/,
    ],
    ['a first epoch before the first', () => net().fit(data.x, data.y, { initialEpoch: -1 }), 'USAGE', /initialEpoch: found -1/],
    [
      'weights by the names of classes',
      () => net().fit(data.x, data.y, { classWeight: { red: 2 } as never }),
      'USAGE',
      /classWeight: found a class "red", expected classes 0 to 2/,
    ],
    ['a class too many', () => net().trainOnBatch(data.x, data.y, { classWeight: { 3: 2 } }), 'USAGE', /found a class "3"/],
    ['a weight of NaN', () => net().fit(data.x, data.y, { classWeight: { 1: NaN } }), 'USAGE', /the weight NaN for class 1, expected a/],
    [
      'an evaluation of nothing',
      () => net().evaluate(zeros([0, 8, 8, 3]), zeros([0, 3])),
      'SHAPE',
      /^Cannot train or evaluate: .*at least one/,
    ],
    ['an evaluation of no batch', () => net().evaluate(data.x, data.y, { steps: 0 }), 'USAGE', /Invalid steps: found 0/],
  ])('%s', async (_what, call, code, message) => {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  it('two outputs', async () => {
    const base = smallNet()
    const second = dense({ units: 2, name: 'second' })(globalAveragePooling2d({})(base.getLayer('norm').output))
    const both = compiled(model({ inputs: base.input, outputs: [base.output, second] }))
    const error = { code: 'USAGE', message: expect.stringMatching(/1 inputs and 2 outputs, expected one of each/) as string }
    await expect(both.fit(data.x, data.y)).rejects.toMatchObject(error)
    await expect(both.evaluate(data.x, data.y)).rejects.toMatchObject(error)
    await expect(both.trainOnBatch(data.x, data.y)).rejects.toMatchObject(error)
  })

  it('a feature map', async () => {
    const base = smallNet()
    const map = compiled(model({ inputs: base.input, outputs: base.getLayer('norm').output }))
    await expect(map.fit(data.x, data.y)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('[null,8,8,4], expected [null, classes]') as string,
    })
  })
})
