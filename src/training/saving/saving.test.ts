/** @file Models in files: Keras's own open with its answers, ours come back with theirs, and training goes on where it stopped. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { photo } from '../../../test/golden/formula.ts'
import { openWeightFile, savedLayers, writeKerasArchive, writeModelConfig } from '../../formats/keras/index.ts'
import { preprocess } from '../../image/index.ts'
import { clearSession, layers } from '../../layers/index.ts'
import { tensor } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { categoricalCrossentropy } from '../losses/index.ts'
import { auc, f1Score, topKCategoricalAccuracy } from '../metrics/index.ts'
import { loadModel, model, optimizers, schedules, type Model } from '../index.ts'
import { readCompileConfig } from './compile-config.ts'
import { branching, compilations, x, y } from './branching.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-saving-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => clearSession())

const golden = JSON.parse(readFileSync('test/golden/files.json', 'utf8')) as {
  probabilities: number[]
  iterations: number
  weights: Record<string, { first: number[] }>
}
const photos = (): Tensor<'float32'> => preprocess(photo('fit/x', [4, 64, 64, 3]), 'tf')

describe.each(['transfer.keras', 'transfer.h5'])("Keras's %s", (name) => {
  test('opens with its answers, its weights and its training', async () => {
    const net = await loadModel(`test/golden/${name}`)
    expectClose(await net.predict(photos()), golden.probabilities, 1e-5)
    for (const [path, { first }] of Object.entries(golden.weights)) {
      const weight = net.weights.find((candidate) => candidate.path === path)
      first.forEach((value, i) => expect(weight?.value().data[i]).toBeCloseTo(value, 6))
    }
    expect(net.compiled.iterations).toBe(golden.iterations)
    expect(net.compiled.optimizer).toMatchObject({ name: 'Adam', learningRate: Math.fround(0.005), config: { epsilon: 1e-8 } })
    expect(net.compiled.metrics.map((metric) => metric.name)).toEqual(['accuracy'])
    expect(net.compiled.trainable).toHaveLength(4)
    await net.dispose()
  })
})

test('loadWeights takes the optimizer too, and only what is not compiled stays without', async () => {
  const net = await loadModel('test/golden/transfer.keras', { compile: false })
  expect(() => net.compiled).toThrow('not compiled')
  net.compile({ optimizer: optimizers.adam({ learningRate: 0.5 }), loss: 'categoricalCrossentropy' })
  for (const weight of net.weights) weight.assign(new Float32Array(weight.value().data.length))
  await net.loadWeights('test/golden/transfer.weights.h5')
  expectClose(await net.predict(photos()), golden.probabilities, 1e-5)
  expect(net.compiled).toMatchObject({ iterations: 3, learningRate: Math.fround(0.005) })
  await net.dispose()
})

test("a schedule of the caller's own decides the rate, not the one that the file's had when it was written", async () => {
  const rates = [0.25, 0.5]
  const nets = rates.map((rate) => {
    const net = branching()
    const learningRate = { name: 'Own', at: (step: number) => rate / (step + 1), config: {} }
    net.compile({ optimizer: optimizers.adam({ learningRate }), loss: 'categoricalCrossentropy' })
    return net
  })
  const [saved, loaded] = nets as [Model, Model]
  await saved.trainOnBatch(x, y)
  const path = join(folder, 'own-schedule.weights.h5')
  await saved.saveWeights(path)
  await loaded.loadWeights(path)
  expect(loaded.compiled).toMatchObject({ iterations: 1, learningRate: undefined })
  await Promise.all(nets.map((net) => net.dispose()))
})

describe.each(['keras', 'h5'])('save to .%s', (ending) => {
  test.each(compilations.filter((_, i) => ending === 'keras' || i < 2))(
    '$name: the next step of the loaded model is bit for bit that of the saved one',
    async ({ name, optimizer }) => {
      const net = branching()
      const metrics = ['accuracy', topKCategoricalAccuracy({ k: 2 }), auc({ curve: 'PR' }), f1Score({ average: 'micro' })]
      net.compile({ optimizer, loss: categoricalCrossentropy({ labelSmoothing: 0.1 }), metrics })
      await net.trainOnBatch(x, y, { seed: 1 })
      await net.trainOnBatch(x, y, { seed: 2 })
      const path = join(folder, `${name}.${ending}`)
      await net.save(path)
      const loaded = await loadModel(path)
      expect(loaded.compiled.metrics.map((metric) => metric.name)).toEqual(net.compiled.metrics.map((metric) => metric.name))
      expect(loaded.layers.map((layer) => [layer.name, layer.className, layer.config])).toEqual(
        net.layers.map((layer) => [layer.name, layer.className, layer.config]),
      )
      expect((await loaded.predict(x)).data).toEqual((await net.predict(x)).data)
      const logs = await net.trainOnBatch(x, y, { seed: 3 })
      expect(await loaded.trainOnBatch(x, y, { seed: 3 })).toEqual(logs)
      expect(loaded.weights.map((weight) => weight.value())).toEqual(net.weights.map((weight) => weight.value()))
      await Promise.all([net.dispose(), loaded.dispose()])
    },
  )
})

test('a schedule in an .h5 file has the form that Keras writes there', async () => {
  const net = branching()
  const learningRate = schedules.exponentialDecay({ initialLearningRate: 0.5, decaySteps: 2, decayRate: 0.25 })
  net.compile({ optimizer: optimizers.sgd({ learningRate }), loss: 'mse' })
  const path = join(folder, 'schedule.h5')
  await net.save(path)
  const file = openWeightFile(path)
  expect(file.trainingConfig).toMatchObject({
    optimizer_config: {
      class_name: 'SGD',
      config: {
        learning_rate: {
          module: 'keras.optimizers.schedules',
          class_name: 'ExponentialDecay',
          config: { initial_learning_rate: 0.5, decay_steps: 2, decay_rate: 0.25, staircase: false, name: 'ExponentialDecay' },
          registered_name: null,
        },
      },
    },
  })
  file.close()
  expect((await loadModel(path)).compiled.optimizer.learningRate).toMatchObject({ config: learningRate.config })
})

test.each([
  [{ loss_weights: [0.5] }, 'counts [0.5] times'],
  [{ loss_weights: { dense: 2 } }, 'counts [2] times'],
  [{ weighted_metrics: ['accuracy'] }, 'weighted_metrics'],
  [{ metrics: [['accuracy', 'accuracy']] }, 'the metric "accuracy" twice'],
  [{ loss: { class_name: 'CategoricalFocalCrossentropy', config: { alpha: [0.3, 0.7] } } }, 'alpha'],
  [{ loss: { class_name: 'BinaryCrossentropy', config: { reduction: 'sum' } } }, 'the loss is summed up as "sum"'],
  [{ loss: { class_name: 'BinaryCrossentropy', config: { reduction: 'sum_over_batch_size', axis: 1 } } }, 'taken along axis 1'],
])('a compilation with %j is not restored in part', (part, found) => {
  const config = { optimizer: 'sgd', loss: 'mse', metrics: ['accuracy'], loss_weights: null, weighted_metrics: null }
  expect(readCompileConfig({ ...config, loss_weights: [1] }).metrics).toHaveLength(1)
  expect(() => readCompileConfig({ ...config, ...part })).toThrow(found)
})

test('an untouched and a half-frozen model come back as they were', async () => {
  const net = branching()
  net.getLayer('shared').trainable = false
  const path = join(folder, 'frozen.keras')
  await net.save(path)
  const loaded = await loadModel(path)
  expect(() => loaded.compiled).toThrow('not compiled')
  expect(loaded.summary({ showTrainable: true })).toBe(net.summary({ showTrainable: true }))
})

test.each(['keras', 'h5'])('a rescaling of each channel comes back from .%s with the answers of Keras', async (ending) => {
  const pixels = layers.input({ shape: [1, 3, 3] })
  const net = model({ inputs: pixels, outputs: layers.rescaling({ scale: [1 / 255, 0.5, 2], offset: [-1, 0, 1] })(pixels) })
  const path = join(folder, `rescaling.${ending}`)
  await net.save(path)
  const loaded = await loadModel(path)
  expectClose(await loaded.predict(tensor(Float32Array.from({ length: 9 }, (_, i) => i), [1, 1, 3, 3])), [-1, 0.5, 5, -0.98823529, 2, 11, -0.97647059, 3.5, 17], 1e-7) // prettier-ignore
  await Promise.all([net.dispose(), loaded.dispose()])
})

test.each(['a.weights.h5', 'a.safetensors', 'a.h5', 'a.keras'])('weights alone, %s', async (name) => {
  const [net, other] = [branching(), branching()]
  for (const [i, weight] of net.weights.entries()) weight.assign(weight.value().data.map((_, j) => Math.sin(i + j)))
  const path = join(folder, name)
  await (name.endsWith('.keras') ? net.save(path) : net.saveWeights(path))
  await other.loadWeights(path)
  expect(other.weights.map((weight) => weight.value())).toEqual(net.weights.map((weight) => weight.value()))
})

test('names of other formats are refused', async () => {
  await expect(branching().save(join(folder, 'a.pb'))).rejects.toMatchObject({ code: 'USAGE' })
  await expect(loadModel(join(folder, 'a.pb'))).rejects.toMatchObject({ code: 'USAGE' })
  await expect(loadModel(join(folder, 'absent.keras'))).rejects.toMatchObject({ code: 'FILE' })
  const net = branching()
  await net.saveWeights(join(folder, 'only.h5'))
  await expect(loadModel(join(folder, 'only.h5'))).rejects.toMatchObject({
    code: 'FORMAT',
    hint: expect.stringContaining('loadWeights') as string,
  })
})

describe('warnings', () => {
  afterEach(() => vi.restoreAllMocks())

  test('an optimizer of before Keras 2.11, whose memory no archive holds, starts anew, and says so', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const net = branching()
    const optimizer = { module: 'keras.optimizers.legacy', class_name: 'SGD', config: { learning_rate: 0.5, momentum: 0.9 } }
    const config = { ...writeModelConfig(net, 'keras3'), compile_config: { optimizer, loss: 'mse' } }
    const path = join(folder, 'legacy.keras')
    await writeKerasArchive(path, { config, layers: savedLayers(net), extras: {} })
    expect((await loadModel(path)).compiled.optimizer).toMatchObject({ name: 'SGD', config: { momentum: 0.9 } })
    expect(warned.mock.calls.map(([message]) => message)).toEqual([`The optimizer starts anew: ${path} holds nothing of its memory`])
  })

  test('an optimizer whose memory does not fit starts anew, and says so', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const net = branching()
    net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
    await net.trainOnBatch(x, y)
    await net.saveWeights(join(folder, 'adam.weights.h5'))
    net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
    await net.loadWeights(join(folder, 'adam.weights.h5'))
    expect(net.compiled.iterations).toBe(0)
    expect(warned.mock.calls[0]?.[0]).toMatch(
      /^The optimizer starts anew after .*: the file holds \d+ tensors of the optimizer's state, expected 0$/u,
    )
    await net.dispose()
  })
})

const real = '../shared/data/keras-files'
describe.skipIf(!existsSync(real))(`needs ${real}`, () => {
  test('a MobileNet that Keras 2.4 trained goes on where it stopped', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const net = await loadModel(join(real, 'vww_mobilenet_v1_0.25_96.h5'))
    expect(String(warned.mock.calls[0]?.[0])).toContain('kernel_regularizer (L2) is left out')
    expect(net.compiled.iterations).toBeGreaterThan(1000)
    const file = openWeightFile(join(real, 'vww_mobilenet_v1_0.25_96.h5'))
    const first = file.optimizer.find((weight) => weight.name === 'Adam/conv2d/kernel/v:0')?.read()
    file.close()
    const kernel = net.getLayer('conv2d').weights[0]!
    expect(kernel.toKerasLayout(net.compiled.slots.get(kernel)!['velocity']!.current)).toEqual(first)
    vi.restoreAllMocks()
  })

  test('a sequential model of Keras 3.13', async () => {
    const net = await loadModel(join(real, 'mnist_keras3.13.keras'))
    expect(net.layers.map((layer) => layer.className)).toEqual(['InputLayer', 'Flatten', 'Dense', 'Dense', 'Dense'])
    expect(net.compiled.loss.name).toBe('sparse_categorical_crossentropy')
    const { data } = await net.predict(tensor(new Float32Array(2 * 784), [2, 28, 28]))
    expect(data.subarray(0, 10).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5)
    await net.dispose()
  })

  test('a custom class is refused by its name', async () => {
    await expect(loadModel(join(real, 'pre_pr22362_nested_container.keras'))).rejects.toMatchObject({
      code: 'FORMAT',
      message: expect.stringContaining('NestedDenseModel') as string,
    })
  })

  test('a nested MobileNetV2 of TensorFlow.js', async () => {
    const net = await loadModel(join(real, 'tfjs-layers_mobilenetv2_0.35_transfer/model.json'))
    expect(net.layers.map((layer) => layer.className)).toContain('Functional')
    expect(net.weights).toHaveLength(264)
    await net.dispose()
  })
})

function expectClose(found: Tensor, wanted: readonly number[], within: number): void {
  expect(found.data).toHaveLength(wanted.length)
  wanted.forEach((value, i) => expect(Math.abs(Number(found.data[i]) - value)).toBeLessThan(within))
}

test('byName leaves the optimizer alone, and says where it finds nothing', async () => {
  const make = (names: readonly string[], learningRate: number): Model => {
    const start = layers.input({ shape: [3] })
    const net = model({ inputs: start, outputs: names.reduce((at, name) => layers.dense({ units: 2, name })(at), start) })
    net.compile({ optimizer: optimizers.sgd({ learningRate }), loss: 'mse' })
    return net
  }
  const path = join(folder, 'by-name.h5')
  const saved = make(['first', 'second'], 0.5)
  await saved.trainOnBatch(tensor([1, 2, 3], [1, 3]), tensor([1, 0], [1, 2]))
  await saved.save(path)
  const other = make(['first'], 0.25)
  await other.loadWeights(path, { byName: true })
  expect(other.weights.map((weight) => weight.value())).toEqual(saved.weights.slice(0, 2).map((weight) => weight.value()))
  expect(other.compiled).toMatchObject({ iterations: 0, learningRate: undefined })
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  await make(['third'], 0.25).loadWeights(path, { byName: true })
  expect(warned).toHaveBeenCalledWith(expect.stringMatching(/^Nothing of .* is loaded: .* such as first, second$/u), 'RootstockWarning')
  await saved.dispose()
})
