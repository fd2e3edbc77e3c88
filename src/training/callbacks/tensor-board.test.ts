import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { numbersOf, readEventFile, seriesByTag, type Series } from '../../formats/tensorboard/index.ts'
import { runCallbacks } from '../callback.ts'
import type { FitOptions } from '../fit.ts'
import { sgd } from '../optimizers/index.ts'
import { part, photos, smallNet, weightsOf } from '../small.cases.ts'
import { fakeControl } from './drive.cases.ts'
import { camelCase, fileGoldens } from './golden.cases.ts'
import { lambdaCallback } from './lambda-callback.ts'
import { tensorBoard, type TensorBoardOptions } from './tensor-board.ts'

let logDir = ''
beforeEach(() => void (logDir = mkdtempSync(join(tmpdir(), 'rootstock-'))))
afterEach(() => rmSync(logDir, { recursive: true }))

const data = photos(20)
const held = part(data, 0, 8)

async function train(options: TensorBoardOptions, fit: FitOptions = {}) {
  const net = smallNet()
  net.compile({ optimizer: sgd({ learningRate: 0.01 }), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const validation = { validationData: [held.x, held.y], validationBatchSize: 4 } as const
  const history = await net.fit(data.x, data.y, {
    epochs: 3,
    batchSize: 4,
    ...validation,
    callbacks: [tensorBoard({ logDir, ...options })],
    ...fit,
  })
  await net.dispose()
  return history
}

function series(split: string): Map<string, Series> {
  const files = readdirSync(join(logDir, split)).filter((name) => name.includes('tfevents'))
  expect(files.length).toBe(1)
  const { events, fault } = readEventFile(join(logDir, split, files[0]!))
  expect(fault).toBeUndefined()
  return seriesByTag(events)
}

const plugins = (found: Map<string, Series>) => Object.fromEntries([...found].map(([tag, { plugin }]) => [tag, plugin]))
const figures = (found: Map<string, Series>, tag: string) => found.get(tag)?.values.flatMap(numbersOf)

describe('tensorBoard', () => {
  it.each(fileGoldens.tensorBoard)('writes the tags and steps of Keras: $args', async ({ args, runs }) => {
    await train(camelCase(args))
    for (const split of ['train', 'validation']) {
      const found = series(split)
      const expected = runs[split]!
      expect(plugins(found)).toEqual(Object.fromEntries(Object.entries(expected).map(([tag, { plugin }]) => [tag, plugin])))
      for (const [tag, { steps }] of Object.entries(expected)) {
        const ours = found.get(tag)?.steps
        // With updateFreq, Keras writes an epoch's figures only when its last batch happens to be due. Here every epoch has its figures.
        const isOfEpoch = /^(epoch|evaluation)_/.test(tag)
        if (isOfEpoch) expect(ours).toEqual(tag.startsWith('epoch') ? [0, 1, 2] : [5, 10, 15])
        if (isOfEpoch) expect(ours).toEqual(expect.arrayContaining([...steps]))
        else expect(ours, tag).toEqual(steps)
      }
    }
  })

  it('covers every golden', () => expect(fileGoldens.tensorBoard.length).toBe(5))

  it('writes the figures of the history', async () => {
    const { history } = await train({ updateFreq: 5 })
    const [training, validation] = [series('train'), series('validation')]
    const float = (values: readonly number[] | undefined) => values?.map(Math.fround)
    expect(figures(training, 'epoch_loss')).toEqual(float(history['loss']))
    expect(figures(training, 'batch_loss')).toEqual(float(history['loss']))
    expect(figures(training, 'epoch_learning_rate')).toEqual([0.01, 0.01, 0.01].map(Math.fround))
    expect(figures(validation, 'epoch_accuracy')).toEqual(float(history['val_accuracy']))
    expect(figures(validation, 'evaluation_loss_vs_iterations')).toEqual(float(history['val_loss']))
  })

  it('writes nothing for a validation that there is not', async () => {
    const net = smallNet()
    net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
    await net.fit(data.x, data.y, { callbacks: [tensorBoard({ logDir })] })
    expect(existsSync(join(logDir, 'validation'))).toBe(false)
  })

  it('counts every weight in its histogram', async () => {
    await train({ histogramFreq: 1 })
    const found = series('train')
    const kernel = found.get('body/kernel/histogram')?.values.map(numbersOf) ?? []
    expect(kernel.length).toBe(3)
    for (const rows of kernel) expect(rows.filter((_, i) => i % 3 === 2).reduce((sum, count) => sum + count)).toBe(3 * 3 * 3 * 4)
  })

  it('counts every gradient of the last step, and trains to the same bits', async () => {
    const rate = 0.5
    const seen: Record<string, { before: number[]; after: number[]; gradient: number[] }> = {}
    const look = lambdaCallback({
      onTrainBatchBegin: async (_batch, { model }) => {
        for (const weight of model.weights)
          seen[weight.path] = { before: [...(await weight.read()).data] as number[], after: [], gradient: [] }
      },
      onTrainBatchEnd: async (_batch, _logs, { model }) => {
        for (const weight of model.weights) seen[weight.path]!.after = [...(await weight.read()).data] as number[]
        for (const { path, values } of model.gradients()) seen[path]!.gradient = [...values.data]
      },
    })
    const run = async (options: TensorBoardOptions) => {
      const net = smallNet()
      net.compile({ optimizer: sgd({ learningRate: rate }), loss: 'categoricalCrossentropy' })
      // The second batch is smaller, and has a step of its own.
      await net.fit(part(data, 0, 6).x, part(data, 0, 6).y, { batchSize: 4, callbacks: [tensorBoard({ logDir, ...options }), look] })
      const weights = await weightsOf(net)
      await net.dispose()
      return weights
    }
    const [plain, observed] = [await run({ histogramFreq: 1 }), await run({ histogramFreq: 1, writeGrads: true })]
    expect(observed).toEqual(plain)
    for (const path of ['body/kernel', 'norm/gamma', 'head/kernel', 'head/bias']) {
      const { before, after, gradient } = seen[path]!
      expect(gradient.length, path).toBe(before.length)
      gradient.forEach((value, i) => expect(value).toBeCloseTo((before[i]! - after[i]!) / rate, 5))
    }
    expect(seen['norm/moving_mean']!.gradient).toEqual([])
    const tags = readdirSync(join(logDir, 'train')).flatMap((name) => [
      ...seriesByTag(readEventFile(join(logDir, 'train', name)).events).keys(),
    ])
    const wanted = ['body/bias', 'body/kernel', 'head/bias', 'head/kernel', 'norm/beta', 'norm/gamma'].map((path) => `${path}_grad`)
    expect(tags.filter((tag) => tag.endsWith('_grad')).sort()).toEqual(wanted)
  })

  it('draws the layers and the operators', async () => {
    await train({}, { epochs: 1 })
    const [file] = readdirSync(join(logDir, 'train'))
    const { events } = readEventFile(join(logDir, 'train', file!))
    const { value } = series('train').get('keras')!.values[0]!
    const json = JSON.parse(Buffer.from(value.case === 'tensor' ? value.value.stringVal[0]! : []).toString()) as {
      config: { layers: { name: string; inbound_nodes: unknown[] }[]; input_layers: unknown; output_layers: unknown }
    }
    expect(json.config.layers.map(({ name }) => name)).toEqual([
      'input_layer',
      'body',
      'norm',
      'activation',
      'global_average_pooling2d',
      'head',
    ])
    expect(json.config).toMatchObject({ input_layers: ['input_layer', 0, 0], output_layers: ['head', 0, 0] })
    const history = { class_name: '__keras_tensor__', config: { shape: [null, 8, 8, 4], keras_history: ['body', 0, 0] } }
    expect(json.config.layers[2]?.inbound_nodes).toMatchObject([{ args: [history] }])
    expect(events.filter(({ what }) => what.case === 'graphDef').length).toBe(1)
  })

  it('trains a network that cannot be drawn', async () => {
    const { control, driven } = fakeControl()
    const model = {
      ...control.model,
      toJson: () => {
        throw new Error('strange layer')
      },
    }
    await runCallbacks([tensorBoard({ logDir })], 'onTrainBegin', { ...control, model })
    expect(driven.events).toEqual([{ type: 'warning', message: 'The network cannot be drawn: strange layer', by: 'tensorBoard' }])
  })

  it('places photos in the space of a layer', async () => {
    const labels = held.labels.map((label) => `class ${label}`)
    await train({ embeddingsFreq: 1, embeddingsData: held.x, embeddingsMetadata: labels })
    const lines = (name: string) =>
      readFileSync(join(logDir, 'train', name), 'utf8')
        .trimEnd()
        .split('\n')
    expect(lines('tensors.tsv').map((line) => line.split('\t').length)).toEqual(new Array(8).fill(4))
    expect(lines('metadata.tsv')).toEqual(labels)
    expect(lines('projector_config.pbtxt')).toContain('  tensor_name: "features"')
    expect(existsSync(join(logDir, 'train/sprite.png'))).toBe(true)
  })

  it('offers the layers that there are', async () => {
    const options = { embeddingsFreq: 1, embeddingsData: held.x, embeddingsLayerName: 'bodi' }
    await expect(train(options)).rejects.toMatchObject({ code: 'UNKNOWN_NAME', hint: expect.stringContaining('body') as string })
  })

  it('counts its batches on when a run is resumed', async () => {
    const first = tensorBoard({ logDir, updateFreq: 'batch' })
    await train({}, { epochs: 1, callbacks: [first] })
    expect(first.state?.()).toEqual({ trainBatch: 5 })
    expect(() => first.restore?.({ trainBatch: -1 })).toThrow(expect.objectContaining({ code: 'FORMAT' }))
  })

  it.each([
    [{ histogramFreq: -1 }, 'histogramFreq is -1'],
    [{ updateFreq: 0 }, 'updateFreq is 0'],
    [{ updateFreq: 'batches' as 'batch' }, 'updateFreq is "batches"'],
    [{ embeddingsFreq: 1 }, 'embeddingsData is undefined, expected the photos'],
    [{ logDir: '' }, 'logDir is ""'],
  ])('refuses %j', (options, message) => {
    expect(() => tensorBoard(options)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }),
    )
  })
})
