/** @file classifier.onnx: written, opened again, run by the bare runtime, and refused when a byte is wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engine } from '../../engine/index.ts'
import { drawAnimal, load, preprocess, preprocessModes, type PreprocessMode } from '../../image/index.ts'
import * as layers from '../../layers/index.ts'
import { readOnnxGraph, withMetadata } from '../../onnx/index.ts'
import { stack, type Tensor } from '../../tensor/index.ts'
import { model } from '../../training/index.ts'
import { checkClassifier } from '../check-classifier.ts'
import { Classifier } from '../classifier.ts'
import { loadClassifier } from '../load-classifier.ts'
import { readArtifact } from './read-artifact.ts'
import { writeArtifact } from './write-artifact.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-artifact-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)

const names = ['cat', 'dog', '__proto__']

/** A network of a few hundred weights with a convolution, a batch norm, both poolings and a head. */
function tiny(preprocessing: PreprocessMode, size = 16): Classifier {
  layers.clearSession()
  layers.setRandomSeed(7)
  const photo = layers.input({ shape: [size, size, 3], name: 'photo' })
  let x = layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', name: 'conv' })(photo)
  x = layers.batchNormalization({ name: 'norm' })(x)
  x = layers.maxPooling2d({ poolSize: 2 })(layers.activation({ activation: 'relu6' })(x))
  x = layers.globalAveragePooling2d()(x)
  const y = layers.dense({ units: names.length, activation: 'softmax', name: 'probabilities' })(x)
  const net = model({ inputs: photo, outputs: y })
  net.getLayer('norm').weights.forEach((weight, i) => weight.assign(Float32Array.from({ length: 4 }, (_, c) => 0.5 + 0.1 * (i + c))))
  const scale = (layer: string, by: number): void => {
    const kernel = net.getLayer(layer).weights[0]
    kernel?.assign(kernel.value().data.map((value) => by * value))
  }
  // Answers that differ from photo to photo, whatever the photos go through.
  scale('probabilities', 3)
  if (preprocessing === 'none' || preprocessing === 'caffe') scale('conv', 0.01)
  const reading = { size, preprocessing, interpolation: 'bilinear', exif: 'apply' } as const
  return new Classifier({ model: net, network: 'tiny', labels: names.map((label) => ({ label })), reading })
}

/** Photos as numbers 0 to 255. */
async function photos(size = 16): Promise<Tensor<'float32'>> {
  const files = await Promise.all([3, 4, 5, 6, 8].map((seed) => drawAnimal(seed % 2 ? 'cat' : 'dog', seed, 48)))
  return stack(await Promise.all(files.map((file) => load(file, { targetSize: [size, size], interpolation: 'bilinear' }))))
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - Number(b[i]))), 0)
}

describe.each(preprocessModes)('preprocessing %s', (mode) => {
  it.each([['float32', 1e-6] as const, ['float16', 0.01] as const])(
    'is inside the graph: %s gives the answers within %f in any runtime',
    async (precision, tolerance) => {
      const classifier = tiny(mode)
      const path = at(`${mode}-${precision}.onnx`)
      const written = await writeArtifact(classifier, path, { precision })
      expect(written.difference).toBeLessThanOrEqual(tolerance)
      const pixels = await photos()
      const expected = await classifier.probabilities(preprocess(pixels, mode))
      expect(new Set(expected.data).size).toBeGreaterThan(6)

      const session = await ort.InferenceSession.create(path)
      expect([session.inputNames, session.outputNames]).toEqual([['photo'], ['probabilities']])
      const bare = await session.run({ photo: new ort.Tensor('float32', pixels.data, [...pixels.shape]) })
      expect(bare['probabilities']?.dims).toEqual([5, 3])
      expect(farthest(bare['probabilities']?.data as Float32Array, expected.data)).toBeLessThanOrEqual(tolerance)

      const opened = await loadClassifier(path)
      expect(farthest((await opened.probabilities(pixels)).data, expected.data)).toBeLessThanOrEqual(tolerance)
      await Promise.all([classifier.dispose(), opened.dispose(), session.release()])
    },
  )
})

it('of a large network is compared as it lies in the file', async () => {
  layers.clearSession()
  layers.setRandomSeed(7)
  const photo = layers.input({ shape: [8, 8, 3], name: 'photo' })
  let x = layers.conv2d({ filters: 512, kernelSize: 3, name: 'first' })(photo)
  // 35 MB of kernels.
  x = layers.conv2d({ filters: 960, kernelSize: 3, name: 'second' })(layers.batchNormalization({ name: 'norm' })(x))
  x = layers.conv2d({ filters: 512, kernelSize: 3, activation: 'relu', name: 'third' })(x)
  const y = layers.dense({ units: names.length, activation: 'softmax' })(layers.globalAveragePooling2d()(x))
  const net = model({ inputs: photo, outputs: y })
  const reading = { size: 8, preprocessing: 'tf', interpolation: 'bilinear', exif: 'apply' } as const
  const classifier = new Classifier({ model: net, network: 'large', labels: names.map((label) => ({ label })), reading })
  const written = await writeArtifact(classifier, at('large.onnx'))
  expect(written.difference).toBeLessThan(1e-6)
  const opened = await loadClassifier(at('large.onnx'))
  const pixels = await photos(8)
  const expected = await classifier.probabilities(preprocess(pixels, 'tf'))
  expect(farthest((await opened.probabilities(pixels)).data, expected.data)).toBeLessThan(1e-6)
  expect(new Set(expected.data).size).toBeGreaterThan(6)
  await Promise.all([classifier.dispose(), opened.dispose()])
})

describe('an artifact', () => {
  const path = at('classifier.onnx')
  let bytes: Uint8Array
  beforeAll(async () => {
    const classifier = tiny('tf')
    await writeArtifact(classifier, path, { created: new Date('2026-01-02T03:04:05Z') })
    await classifier.dispose()
    bytes = readFileSync(path)
  })

  it('holds everything that a program needs', async () => {
    const { metadata } = await readArtifact(path)
    expect(metadata).toMatchObject({
      format: 'rootstock-classifier/1',
      network: 'tiny',
      created: '2026-01-02T03:04:05.000Z',
      class_names: names,
      preprocessing: { size: [16, 16], inside_graph: 'tf', interpolation: 'bilinear', exif: 'apply', channel_order: 'rgb', layout: 'NHWC' },
      temperature: { value: 1, calibrated: false },
      metrics: null,
    })
    expect(metadata.parity.samples).toHaveLength(4)
    for (const { picture } of metadata.parity.samples) expect(picture.length).toBeLessThan(4096)
  })

  it('is the same for the same classifier, and names photos as it does', async () => {
    const classifier = tiny('tf')
    await writeArtifact(classifier, at('again.onnx'), { created: new Date('2026-01-02T03:04:05Z') })
    expect(readFileSync(at('again.onnx')).equals(bytes)).toBe(true)
    const opened = await loadClassifier(path)
    const photo = await drawAnimal('dog', 9, 64)
    const [ours, theirs] = await Promise.all([classifier.predict(photo), opened.predict(photo)])
    expect(theirs.map(({ label }) => label)).toEqual(ours.map(({ label }) => label))
    expect(farthest(theirs.map(({ probability }) => probability), ours.map(({ probability }) => probability))).toBeLessThan(1e-6) // prettier-ignore
    expect(opened.classNames).toEqual(names)
    expect(() => opened.model).toThrow(/holds a graph without layers/)
    expect(opened.summary()).toMatch(/^ONNX graph of tiny\n\d+ operators: .*1 Conv/)
    await Promise.all([classifier.dispose(), opened.dispose()])
  })

  it('gives its answers on this machine', async () => {
    const check = await checkClassifier(path)
    expect(check).toMatchObject({ same: true, intact: true, engine: 'cpu', precision: 'float32', tolerance: 1e-4, classes: 3 })
    expect(check.difference).toBeLessThan(1e-6)
  })

  it.each([
    ['the last bit of a number', 0],
    ['the exponent of a number', 3],
  ])('with another %s is not opened, and doctor says so', async (_, byte) => {
    const weight = Buffer.from(new Float32Array([0.5, 0.6, 0.7, 0.8]).map(Math.fround).buffer)
    const place = Buffer.from(bytes).indexOf(weight)
    expect(place).toBeGreaterThan(0)
    const changed = Uint8Array.from(bytes)
    changed[place + byte]! ^= 1
    writeFileSync(at('changed.onnx'), changed)
    await expect(loadClassifier(at('changed.onnx'))).rejects.toMatchObject({
      code: 'FORMAT',
      hint: expect.stringContaining('doctor') as string,
    })
    const check = await checkClassifier(at('changed.onnx'))
    expect(check).toMatchObject({ same: false, intact: false })
    if (byte === 3) expect(check.difference).toBeGreaterThan(check.tolerance)
  })

  it.each([
    ['a class without a name', { labels: ['', 'dog', 'fox'].map((label) => ({ label })) }],
    ['a network without a name', { network: '' }],
  ])('that could not be read back is not written: %s', async (_, parts) => {
    const { model: net, reading } = tiny('tf')
    const wrong = new Classifier({ model: net, network: 'tiny', labels: names.map((label) => ({ label })), reading, ...parts })
    writeFileSync(at('kept.onnx'), 'as it was')
    await expect(wrong.save(at('kept.onnx'))).rejects.toMatchObject({ code: 'USAGE', hint: expect.any(String) as string })
    expect(readFileSync(at('kept.onnx'), 'utf8')).toBe('as it was')
    await wrong.dispose()
  })

  it('cut anywhere is refused', async () => {
    for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 60)) {
      writeFileSync(at('cut.onnx'), bytes.subarray(0, length))
      await expect(loadClassifier(at('cut.onnx'))).rejects.toMatchObject({ code: 'FORMAT' })
    }
  })

  it('with any bytes changed is refused, or is the same classifier', async () => {
    const original = await loadClassifier(path)
    const pixels = await photos()
    const expected = await original.probabilities(pixels)
    const change = fc.record({ place: fc.nat(bytes.length - 1), value: fc.nat(255) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const changed = Uint8Array.from(bytes)
        for (const { place, value } of changes) changed[place] = value
        writeFileSync(at('fuzzed.onnx'), changed)
        const opened = await loadClassifier(at('fuzzed.onnx')).catch((error: unknown) => {
          expect(error).toMatchObject({ name: 'RootstockError', code: 'FORMAT' })
        })
        if (!opened) return
        expect(opened.classNames).toEqual(names)
        expect((await opened.probabilities(pixels)).data).toEqual(expected.data)
        await opened.dispose()
      }),
      { numRuns: 300, seed: 1 },
    )
    await original.dispose()
  })

  it('of an attacker, whose hashes are right, is refused or computes something', async () => {
    const pixels = await photos()
    const change = fc.record({ place: fc.nat(3000), value: fc.nat(255) })
    let computed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const changed = Uint8Array.from(bytes)
        for (const { place, value } of changes) changed[place] = value
        try {
          const { graph } = readOnnxGraph(changed, 'fuzzed')
          const program = await engine().compile(graph, { threads: 1 })
          const feeds = new Map(graph.inputs.map((input) => [input, pixels]))
          await program.run(feeds).finally(() => program.dispose())
          computed++
        } catch (error) {
          expect(error).toMatchObject({ name: 'RootstockError', code: expect.stringMatching(/^(FORMAT|ENGINE)$/) as string })
        }
      }),
      { numRuns: 400, seed: 2 },
    )
    expect(computed).toBeGreaterThan(10)
  })

  it.each([
    ['class_names', '["cat"]'],
    ['class_names', '["cat","dog"]'],
    ['class_names', '[1,2,3]'],
    ['class_names', 'cat,dog'],
    ['format', 'rootstock-classifier/2'],
    ['preprocessing', '{"size":[16,16]}'],
    ['preprocessing', '{"size":[1e9,1e9],"interpolation":"bilinear"}'],
    ['temperature', '{"value":0,"calibrated":false}'],
    ['parity', '{"tolerance":1e-4,"samples":[]}'],
    ['parity', '{"tolerance":1e9,"samples":[]}'],
    ['created', 'yesterday'],
    ['metrics', '{"__proto__":{"test":null}}'],
  ])('that says %s %s is refused', async (key, text) => {
    const { metadata } = readOnnxGraph(bytes, path)
    const bare = bytes.subarray(0, bytes.length - withMetadata(new Uint8Array(), Object.fromEntries(metadata)).length)
    writeFileSync(at('crafted.onnx'), withMetadata(bare, { ...Object.fromEntries(metadata), [key]: text }))
    await expect(readArtifact(at('crafted.onnx'))).rejects.toMatchObject({ code: 'FORMAT' })
  })

  it('of another program is refused with a hint', async () => {
    const { metadata } = readOnnxGraph(bytes, path)
    const bare = bytes.subarray(0, bytes.length - withMetadata(new Uint8Array(), Object.fromEntries(metadata)).length)
    writeFileSync(at('other.onnx'), bare)
    await expect(loadClassifier(at('other.onnx'))).rejects.toMatchObject({
      code: 'FORMAT',
      hint: expect.stringContaining('export') as string,
    })
  })
})
