/** @file Keras models as classifiers: labels, preprocessing and size where the file does not say them. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { drawAnimal } from '../image/index.ts'
import * as layers from '../layers/index.ts'
import { tensor } from '../tensor/index.ts'
import { model, type Model } from '../training/index.ts'
import { labelsFileOf, readLabels } from './label-file.ts'
import { loadClassifier } from './load-classifier.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-keras-classifier-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => layers.clearSession())
afterEach(() => vi.restoreAllMocks())
const at = (...names: string[]): string => join(folder, ...names)

interface Shape {
  readonly size?: readonly (number | null)[]
  readonly units?: number
  readonly layer?: string
  readonly name?: string
  readonly rescales?: boolean
}

/** One convolution and a head. */
function small({ size = [8, 8, 3], units = 2, layer = 'conv', name = 'mine', rescales = false }: Shape = {}): Model {
  const photo = layers.input({ shape: size })
  const scaled = rescales ? layers.rescaling({ scale: 1 / 255 })(photo) : photo
  const x = layers.globalAveragePooling2d()(layers.conv2d({ filters: 2, kernelSize: 3, name: layer })(scaled))
  return model({ inputs: photo, outputs: layers.dense({ units, activation: 'softmax' })(x), name })
}

async function saved(file: string, shape?: Shape): Promise<string> {
  await small(shape).save(at(file))
  return at(file)
}

describe('preprocessing', () => {
  it.each([
    [{ name: 'mobilenet_1.00_224' }, 'tf', 'mobilenet'],
    [{ name: 'mobilenet_classifier' }, 'tf', 'mobilenet'],
    [{ name: 'inception_v3' }, 'tf', 'inceptionV3'],
    [{ layer: 'mixed10' }, 'tf', 'inceptionV3'],
    [{ layer: 'block5_conv3' }, 'caffe', 'vgg16'],
    [{ layer: 'conv5_block3_3_bn' }, 'caffe', 'resnet50'],
  ] as const)('of %j is %s', async (shape, preprocessing, network) => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const classifier = await loadClassifier(await saved('known.keras', shape))
    expect([classifier.reading.preprocessing, classifier.network]).toEqual([preprocessing, network])
    expect(warned).not.toHaveBeenCalled()
  })

  it.each([{ name: 'mine' }, { name: 'mobilenetv2_1.00_224' }, { name: 'resnet50v2' }])('of %j is not known, and said', async (shape) => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    expect((await loadClassifier(await saved('unknown.keras', shape))).reading.preprocessing).toBe('none')
    expect(String(warned.mock.calls[0]?.[0])).toMatch(/does not say what its pictures go through/)
  })

  it('of a model that rescales is its own affair; a given one counts', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    expect((await loadClassifier(await saved('rescales.h5', { rescales: true }))).reading.preprocessing).toBe('none')
    expect((await loadClassifier(at('rescales.h5'), { preprocessing: 'torch' })).reading.preprocessing).toBe('torch')
    expect(warned).not.toHaveBeenCalled()
  })
})

describe('labels', () => {
  beforeEach(() => void vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined))

  it('are numbered, beside the model, or given', async () => {
    const path = await saved('named.keras')
    expect((await loadClassifier(path)).classNames).toEqual(['class 0', 'class 1'])
    expect((await loadClassifier(path, { labels: ['a', 'b'] })).classNames).toEqual(['a', 'b'])
    writeFileSync(labelsFileOf(path), '{"1":"dog","0":"cat"}')
    expect((await loadClassifier(path)).classNames).toEqual(['cat', 'dog'])
    await expect(loadClassifier(path, { labels: ['a'] })).rejects.toMatchObject({ code: 'DATA' })
  })

  it.each([
    ['empty', ['', 'b'], /found 0 characters as label 0, expected 1 to 1,000 characters/u],
    ['too long', ['a', 'b'.repeat(1001)], /found 1,001 characters as label 1/u],
    ['no text', ['a', 7 as unknown as string], /found 7 as label 1/u],
    ['a line too long', `a\n${'b'.repeat(1001)}`, /found 1,001 characters as label 1/u],
  ])('that are %s are refused when they come in', async (_, given, found) => {
    const path = await saved('unnamed.keras')
    if (typeof given === 'string') writeFileSync(at('given.txt'), given)
    const labels = typeof given === 'string' ? at('given.txt') : given
    await expect(loadClassifier(path, { labels })).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringMatching(found) as string,
      hint: expect.any(String) as string,
    })
  })

  it.each([
    ['a.json', '["cat","dog"]', ['cat', 'dog']],
    ['bom.json', '\uFEFF["cat","dog"]', ['cat', 'dog']],
    ['bom.txt', '\uFEFFcat\ndog', ['cat', 'dog']],
    ['a.txt', 'cat\r\n\r\n dog \n', ['cat', 'dog']],
    ['b.json', '{"0":"cat","2":"dog"}', undefined],
    ['c.json', '[1,2]', undefined],
    ['d.json', '{', undefined],
  ])('of %s: %j', async (file, text, expected) => {
    writeFileSync(at(file), text)
    if (expected) expect(await readLabels(at(file))).toEqual(expected)
    else await expect(readLabels(at(file))).rejects.toMatchObject({ code: 'DATA', hint: expect.any(String) as string })
  })
})

describe('a model', () => {
  beforeEach(() => void vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined))

  it('with an open size takes the given one', async () => {
    const path = await saved('open.keras', { size: [null, null, 3] })
    await expect(loadClassifier(path)).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--size') as string })
    const classifier = await loadClassifier(path, { size: 12 })
    expect(await classifier.predict(await drawAnimal('cat', 1, 48))).toHaveLength(2)
    await classifier.save(at('open.onnx'))
    expect((await loadClassifier(at('open.onnx'))).reading).toMatchObject({ size: 12, preprocessing: 'none' })
    await classifier.dispose()
  })

  it.each([
    ['one channel', { size: [8, 8, 1] }],
    ['one answer', { units: 1 }],
    ['no square', { size: [8, 9, 3] }],
  ] as const)('with %s is refused', async (_, shape) => {
    await expect(loadClassifier(await saved('odd.keras', shape))).rejects.toMatchObject({ code: 'FORMAT' })
  })
})

describe('answers', () => {
  const dense = (activation: string): layers.Layer => layers.dense({ units: 3, activation })
  const inner = (x: layers.SymbolicTensor): layers.SymbolicTensor => {
    const pooled = layers.input({ shape: [3] })
    return model({ inputs: pooled, outputs: dense('linear')(pooled) })(x)
  }
  /** What stands behind the pooled photo, and what becomes of it. */
  const heads: readonly (readonly [string, (x: layers.SymbolicTensor) => layers.SymbolicTensor, 'kept' | 'softmax' | 'refused'])[] = [
    ['softmax', (x) => dense('softmax')(x), 'kept'],
    ['sigmoid', (x) => layers.reshape({ targetShape: [3] })(dense('sigmoid')(x)), 'kept'],
    ['two heads, averaged', (x) => layers.rescaling({ scale: 0.5 })(layers.add()([dense('softmax')(x), dense('softmax')(x)])), 'kept'],
    ['linear', (x) => dense('linear')(x), 'softmax'],
    ['linear in a nested model', inner, 'softmax'],
    [
      'linear, then a layer of the name',
      (x) => layers.activation({ activation: 'linear', name: 'probabilities' })(dense('linear')(x)),
      'softmax',
    ],
    ['relu', (x) => dense('relu')(x), 'refused'],
    ['ReLU', (x) => layers.reLU()(dense('linear')(x)), 'refused'],
  ]
  it.each(heads)('of %s', async (name, head, outcome) => {
    const photo = layers.input({ shape: [8, 8, 3] })
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const net = model({ inputs: photo, outputs: head(layers.globalAveragePooling2d()(photo)), name: 'mine' })
    const path = at(`${name}.h5`)
    await net.save(path)
    const opening = loadClassifier(path, { preprocessing: 'none' })
    if (outcome === 'refused') {
      await expect(opening).rejects.toMatchObject({ code: 'FORMAT', hint: expect.any(String) as string })
      return
    }
    const classifier = await opening
    expect(warned.mock.calls.some(([text]) => String(text).includes('go through a softmax'))).toBe(outcome === 'softmax')
    const x = tensor(new Float32Array(8 * 8 * 3).fill(100), [1, 8, 8, 3])
    const [own, found] = [[...(await net.predict(x)).data], [...(await classifier.probabilities(x)).data]]
    const sum = own.reduce((total, value) => total + Math.exp(value - Math.max(...own)), 0)
    const expected = outcome === 'kept' ? own : own.map((value) => Math.exp(value - Math.max(...own)) / sum)
    expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5))
    await classifier.save(at('answers.onnx'))
    await Promise.all([net.dispose(), classifier.dispose()])
  })
})

const real = '../shared/data/keras-files/vww_mobilenet_v1_0.25_96.h5'
it.skipIf(!existsSync(real))(`needs ${real}: a MobileNet of another program keeps its answers in classifier.onnx`, async () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  const classifier = await loadClassifier(real, { labels: ['nobody', 'person'], preprocessing: 'tutorial' })
  expect(classifier.reading).toMatchObject({ size: 96, preprocessing: 'tutorial' })
  for (const precision of ['float32', 'float16'] as const) {
    const { difference = 1 } = await classifier.save(at('vww.onnx'), { precision })
    expect(difference).toBeLessThan(precision === 'float32' ? 1e-6 : 0.01)
    const opened = await loadClassifier(at('vww.onnx'))
    expect(opened.classNames).toEqual(['nobody', 'person'])
    await opened.dispose()
  }
  await classifier.dispose()
})
