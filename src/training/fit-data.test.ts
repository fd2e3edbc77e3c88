/** @file `fit` on streams of batches and on folders of photos, damaged ones among them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageFolder, type ImageFolderOptions } from '../data/index.ts'
import { dense, globalAveragePooling2d } from '../layers/index.ts'
import { random, tensor, type Tensor } from '../tensor/index.ts'
import type { TrainingEvent } from './events.ts'
import { model, type Model } from './model.ts'
import { sgd } from './optimizers/index.ts'
import { part, photos, residualNet, smallNet, stream, weightsOf } from './small.cases.ts'
import { prefetch, streamSource, take, type StreamBatch } from './source.ts'

const data = photos(24)

function compiled(net: Model, frozen: readonly string[] = []): Model {
  for (const name of frozen) net.getLayer(name).trainable = false
  net.compile({ optimizer: sgd({ learningRate: 0.05 }), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  return net
}

async function trained(frozen: readonly string[], fit: (net: Model) => Promise<unknown>): Promise<Record<string, number[]>> {
  const net = compiled(residualNet(), frozen)
  await fit(net)
  return weightsOf(net)
}

function expectClose(found: Record<string, number[]>, expected: Record<string, number[]>): void {
  for (const [path, values] of Object.entries(expected))
    values.forEach((value, i) => expect(Math.abs(found[path]![i]! - value), path).toBeLessThan(2e-5))
}

describe('a stream', () => {
  it('without an end goes on where the epoch before stopped, and loses no batch', async () => {
    const asked: number[] = []
    async function* endless(): AsyncGenerator<StreamBatch> {
      for (;;) yield* stream(data, 4, (from) => asked.push(from))
    }
    const expected = await trained([], (net) => net.fit(data.x, data.y, { batchSize: 4, shuffle: false }))
    const found = await trained([], (net) => net.fit(endless(), { epochs: 3, stepsPerEpoch: 2 }))
    expectClose(found, expected)
    expect(asked).toEqual([0, 4, 8, 12, 16, 20])
  })

  it('is closed when the run is over', async () => {
    let open = true
    async function* endless(): AsyncGenerator<StreamBatch> {
      try {
        for (;;) yield* stream(data, 4)
      } finally {
        open = false
      }
    }
    await compiled(smallNet()).fit(endless(), { stepsPerEpoch: 1 })
    expect(open).toBe(false)
  })

  it('that can be read again begins anew at its end', async () => {
    const expected = await trained([], (net) => net.fit(data.x, data.y, { batchSize: 8, shuffle: false, epochs: 2 }))
    expectClose(await trained([], (net) => net.fit(stream(data, 8), { epochs: 2 })), expected)
    // The second epoch ends exactly at the end of the stream.
    expectClose(
      await trained([], (net) => net.fit(stream(data, 4), { epochs: 4, stepsPerEpoch: 3 })),
      await trained([], (net) => net.fit(stream(data, 4), { epochs: 2 })),
    )
  })

  it('that is read to its end says so', async () => {
    const once = stream(data, 8)[Symbol.asyncIterator]() as AsyncGenerator<StreamBatch>
    const error = { code: 'DATA', message: 'Cannot train epoch 2: the data gave no batch, expected at least one' }
    await expect(compiled(smallNet()).fit(once, { epochs: 2 })).rejects.toMatchObject(error)
  })

  it('weighs samples', async () => {
    async function* weighted(): AsyncGenerator<StreamBatch> {
      for await (const batch of stream(data, 24)) yield { ...batch, sampleWeight: Float32Array.from(data.labels, (_, i) => i) }
    }
    const found = await trained([], (net) => net.fit(weighted()))
    const sampleWeight = data.labels.map((_, i) => i)
    expectClose(found, await trained([], (net) => net.fit(data.x, data.y, { batchSize: 24, shuffle: false, sampleWeight })))
  })

  it('validates and is evaluated', async () => {
    const net = compiled(smallNet(), ['body', 'norm'])
    const { history } = await net.fit(stream(data, 8), { validationData: stream(data, 5), validationSteps: 2, epochs: 2 })
    expect(history['val_loss']).toHaveLength(2)
    const [streamed, whole] = [await net.evaluate(stream(data, 5)), await net.evaluate(data.x, data.y)]
    expect(streamed['loss']).toBeCloseTo(whole['loss']!, 5)
    expect(streamed['accuracy']).toBe(whole['accuracy'])
  })

  it('validates every epoch with the same batches, as in Keras', async () => {
    const net = smallNet()
    net.getLayer('norm').trainable = false
    net.compile({ optimizer: sgd({ learningRate: 0 }), loss: 'categoricalCrossentropy' })
    const held = stream(data, 5)
    const { history } = await net.fit(data.x, data.y, { validationData: held, validationSteps: 2, epochs: 3 })
    const { loss } = await net.evaluate(held, { steps: 2 })
    expect(history['val_loss']).toEqual([loss, loss, loss])
  })

  it('without a batch has no loss', async () => {
    const net = compiled(smallNet())
    const error = { code: 'DATA', message: 'Cannot evaluate: the data gave no batch, expected at least one' }
    const once = stream(data, 8)[Symbol.asyncIterator]() as AsyncGenerator<StreamBatch>
    await expect(net.fit(data.x, data.y, { validationData: once, epochs: 2 })).rejects.toMatchObject(error)
    await expect(net.evaluate(stream(photos(0), 8))).rejects.toMatchObject(error)
  })

  it('that fails ends the run with its error', async () => {
    async function* broken(): AsyncGenerator<StreamBatch> {
      yield* stream(data, 12)
      throw new Error('camera lost')
    }
    const seen: TrainingEvent[] = []
    await expect(compiled(smallNet()).fit(broken(), { onEvent: (event) => seen.push(event) })).rejects.toThrow('camera lost')
    expect(seen.filter((event) => event.type === 'batchEnd')).toHaveLength(2)
  })

  it.each([
    ['validationSplit', { validationSplit: 0.5 }, 'USAGE', /found a dataset, expected tensors/],
    ['sampleWeight', { sampleWeight: [1] }, 'USAGE', /sampleWeight with a dataset or a stream/],
  ] as const)('takes no %s', async (...[, options, code, message]) => {
    await expect(compiled(smallNet()).fit(stream(data, 8), options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })

  it.each<readonly [string, unknown, object]>([
    ['no samples', part(data, 0, 0), { code: 'SHAPE', message: /x has shape \[0,8,8,3\] and y \[0,3\], expected .* at least one/ }],
    ['fewer labels than photos', { x: part(data, 0, 4).x, y: part(data, 0, 3).y }, { code: 'SHAPE', message: /\[4,8,8,3\] and y \[3,3\]/ }],
    ['a pair in place of x and y', [data.x, data.y], { code: 'DATA', message: /found the keys 0, 1, expected x and y/ }],
    [
      'fewer weights than photos',
      { ...part(data, 0, 4), sampleWeight: new Float32Array(3) },
      { code: 'SHAPE', message: /found 3 weights/ },
    ],
    [
      'a weight that is no number',
      { ...part(data, 0, 1), sampleWeight: [NaN] },
      { code: 'DATA', message: /found NaN at 0 of sampleWeight/ },
    ],
  ])('with a batch of %s is refused, in training and in evaluation', async (_, batch, expected) => {
    const given: AsyncIterable<StreamBatch> = {
      async *[Symbol.asyncIterator]() {
        yield* stream(data, 8)
        yield batch as StreamBatch
      },
    }
    const net = compiled(smallNet())
    for (const run of [() => net.fit(given), () => net.evaluate(given)]) {
      const error: unknown = await run().catch((reason: unknown) => reason)
      expect(error).toMatchObject({ ...expected, message: expect.stringMatching((expected as { message: RegExp }).message) as string })
    }
  })

  it.each<readonly [string, unknown, RegExp]>([
    ['a path', 'photos/', /found "photos\/", .* imageFolder\(path\)/],
    ['nothing', undefined, /found nothing/],
    ['a list of batches', [part(data, 0, 8)], /found batches that do not come asynchronously, .* \[Symbol.asyncIterator\]/],
    ['a generator that is not async', [part(data, 0, 8)].values(), /found batches that do not come asynchronously/],
    ['a generator that was not called', () => stream(data, 8), /found a function/],
    ['an object of no known form', {}, /found an object, expected tensors x and y, a folder of photos or a stream of batches/],
  ])('is expected, not %s', async (_, given, message) => {
    const net = compiled(smallNet())
    const validationData = given as AsyncIterable<StreamBatch>
    // A list of tensors is one of the forms of validation data, and no validation is one as well.
    const isTold = given !== undefined && !Array.isArray(given)
    const runs: readonly (() => Promise<unknown>)[] = [
      () => net.fit(validationData),
      () => net.evaluate(validationData),
      () => net.fit(data.x, data.y, { validationData }),
    ]
    for (const run of isTold ? runs : runs.slice(0, 2)) {
      const error: unknown = await Promise.resolve()
        .then(run)
        .catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'USAGE' })
      const { message: text, hint } = error as { message: string; hint: string }
      expect(`${text}, ${hint}`).toMatch(message)
    }
  })

  it('of photos of another size is refused', async () => {
    const other = { ...data, x: tensor(new Float32Array(24 * 4 * 4 * 3), [24, 4, 4, 3]) }
    const error = { code: 'SHAPE', message: 'Cannot use a batch of shape [8,4,4,3]: expected [n,8,8,3]' }
    await expect(compiled(smallNet()).fit(stream(other, 8))).rejects.toMatchObject(error)
  })
})

describe('reading ahead', () => {
  async function* numbers(asked: number[], count = Infinity): AsyncGenerator<number> {
    for (let i = 0; i < count; i++) {
      await Promise.resolve()
      asked.push(i)
      yield i
    }
  }

  it('asks for one value while the one before is used, and for none beyond the count', async () => {
    const asked: number[] = []
    const seen: string[] = []
    for await (const value of prefetch(take(numbers(asked), 3))) {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(`${value} of ${asked.length}`)
    }
    expect(seen).toEqual(['0 of 2', '1 of 3', '2 of 3'])
  })

  it('throws a failure where its value is asked for', async () => {
    const failing = streamSource({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('gone')) }) }, (x) =>
      Promise.resolve([x]),
    )
    const read = async (): Promise<void> => {
      for await (const batch of prefetch(failing.batches({ batchSize: 1, shuffle: false, seed: 0, epoch: 0 })))
        expect(batch).toBeUndefined()
    }
    await expect(read()).rejects.toThrow('gone')
  })
})

describe('a folder of photos', () => {
  const folders: string[] = []
  let whole = ''
  let damaged = ''
  const size = 8
  const classes = ['blue', 'green', 'red']

  beforeAll(async () => {
    whole = await makeFolder()
    damaged = await makeFolder()
    // First in the order of files, so that all labels would move by one if they were not dropped with their photos.
    await writeFile(join(damaged, 'blue', 'a0.jpg'), Buffer.from('not a picture'))
  })
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

  async function makeFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'rootstock-fit-'))
    folders.push(folder)
    for (const [label, name] of classes.entries()) {
      await mkdir(join(folder, name))
      for (let i = 0; i < 6; i++) await writeFile(join(folder, name, `p${i}.jpg`), await jpeg(label, i))
    }
    return folder
  }

  function jpeg(label: number, i: number): Promise<Buffer> {
    const rng = random(`jpeg/${label}/${i}`)
    const bytes = Uint8Array.from({ length: 12 * 10 * 3 }, (_, at) => rng.integer(120) + (at % 3 === 2 - label ? 120 : 0))
    return sharp(bytes, { raw: { width: 12, height: 10, channels: 3 } })
      .jpeg()
      .toBuffer()
  }

  const open = (folder: string, options: ImageFolderOptions = {}) =>
    imageFolder(folder, { targetSize: [size, size], preprocessing: 'tf', ...options })

  /** The folder as tensors, in its order. */
  async function asTensors(folder: string): Promise<{ x: Tensor<'float32'>; y: Tensor<'float32'> }> {
    const dataset = await open(folder).open()
    const all = await Promise.all(Array.from(dataset.labels, (_, i) => dataset.read(i, { size: [size, size], preprocessing: 'tf' })))
    const y = Array.from(dataset.labels, (label) => [0, 1, 2].map((k) => (k === label ? 1 : 0))).flat()
    return {
      x: tensor(Float32Array.from(all.flatMap(({ data }) => [...data])), [all.length, size, size, 3]),
      y: tensor(y, [all.length, 3]),
    }
  }

  describe.each([
    ['every layer training', []],
    ['a frozen trunk', ['first', 'second']],
    ['the head alone training', ['first', 'second', 'third']],
  ] as const)('with %s', (_what, frozen) => {
    it('teaches what its tensors teach', async () => {
      const { x, y } = await asTensors(whole)
      const options = { epochs: 3, batchSize: 5, seed: 4 }
      const expected = await trained(frozen, (net) => net.fit(x, y, options))
      expectClose(await trained(frozen, (net) => net.fit(open(whole), options)), expected)
    })

    it('balances classes by the photos that can be used', async () => {
      const options = { batchSize: 5, seed: 4, classWeight: 'balanced' } as const
      const found = await trained(frozen, (net) => net.fit(open(damaged), options))
      expectClose(found, await trained(frozen, (net) => net.fit(open(whole), options)))
    })

    it('goes without a damaged photo and names it', async () => {
      const options = { epochs: 2, batchSize: 5, seed: 4 }
      const events: TrainingEvent[] = []
      const found = await trained(frozen, (net) =>
        net.fit(open(damaged), { ...options, validationData: open(damaged), onEvent: (event) => events.push(event) }),
      )
      expectClose(found, await trained(frozen, (net) => net.fit(open(whole), options)))
      const unusable = events.flatMap((event) => (event.type === 'unusable' ? [[event.split, event.path.slice(damaged.length)]] : []))
      expect(unusable).toEqual([
        ['train', '/blue/a0.jpg'],
        ['validation', '/blue/a0.jpg'],
      ])
      expect(events.find((event) => event.type === 'trainBegin')).toMatchObject({ samples: 18, steps: 4 })
      const progress = events.filter((event) => event.type === 'featuresProgress')
      expect(progress.map(({ split, done, total }) => `${split} ${done}/${total}`).slice(-1)).toEqual(
        frozen.length === 0 ? [] : ['validation 19/19'],
      )
    })
  })

  it('asks for its own order', async () => {
    const run = (options: ImageFolderOptions, fit: object = {}): Promise<Record<string, number[]>> =>
      trained([], (net) => net.fit(open(whole, options), { batchSize: 4, ...fit }))
    expect(await run({ seed: 5 })).toEqual(await run({}, { seed: 5 }))
    expect(await run({ seed: 5 })).not.toEqual(await run({}))
    expect(await run({ seed: 5 }, { seed: 6 })).toEqual(await run({}, { seed: 6 }))
    expect(await run({ shuffle: false })).toEqual(await run({}, { shuffle: false }))
    expect(await run({ shuffle: false }, { shuffle: true })).toEqual(await run({}))
  })

  it('gives labels as the loss takes them', async () => {
    const base = residualNet()
    base.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    const sparse = await base.evaluate(open(whole))
    const { x, y } = await asTensors(whole)
    expect(sparse['loss']).toBeCloseTo((await compiled(residualNet()).evaluate(x, y))['loss']!, 5)
    const one = model({
      inputs: base.input,
      outputs: dense({ units: 1, activation: 'sigmoid', name: 'yes' })(globalAveragePooling2d({})(base.getLayer('first').output)),
    })
    one.compile({ optimizer: 'sgd', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    const two = open(whole, { classNames: ['blue', 'red'], labelMode: 'binary' })
    expect((await one.fit(two)).history['loss']![0]).toBeGreaterThan(0)
  })

  it('with more classes than the model has outputs is refused', async () => {
    const base = residualNet()
    const two = compiled(
      model({
        inputs: base.input,
        outputs: dense({ units: 2, activation: 'softmax', name: 'two' })(globalAveragePooling2d({})(base.getLayer('first').output)),
      }),
    )
    await expect(two.fit(open(whole))).rejects.toMatchObject({
      code: 'SHAPE',
      message: expect.stringContaining('expected [n,2]') as string,
    })
  })
})

describe('what is no tensor', () => {
  const net = compiled(smallNet())
  const verbs: Record<string, (given: never) => unknown> = {
    predict: (given) => net.predict(given),
    predictAll: (given) => net.predictAll(given),
    'trainOnBatch x': (given) => net.trainOnBatch(given, data.y),
    'trainOnBatch y': (given) => net.trainOnBatch(data.x, given),
    'fit x': (given) => net.fit(given, data.y),
    'fit y': (given) => net.fit(data.x, given),
    evaluate: (given) => net.evaluate(given, data.y),
    assign: (given) => net.weights[0]?.assign(given),
  }
  const given = { 'a promise': Promise.resolve(data.x), nothing: undefined, null: null, '"x"': 'x', 'a function': () => 1 }
  const cases = Object.keys(verbs).flatMap((verb) => Object.entries(given).map(([found, value]) => [verb, found, value] as const))

  it.each(cases)('%s refuses %s', async (verb, found, value) => {
    const isMissing = verb === 'fit y' && value === undefined
    await expect(Promise.resolve().then(() => verbs[verb]?.(value as never))).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(isMissing ? 'without labels: expected x, y and the options' : `found ${found}, expected `) as string,
    })
  })

  it('or has no typed array, with what to do', async () => {
    const y = { ...data.y, data: Array.from(data.y.data) } as unknown as typeof data.y
    await expect(net.fit(data.x, y)).rejects.toThrow('Cannot train or evaluate on y: its data are a list, expected a typed array')
    await expect(net.predict(Promise.resolve(data.x) as never)).rejects.toMatchObject({ hint: 'Write await before what gives it' })
  })
})
