/** @file Files of strangers that are not what their names say: each is refused at once, with one line and a hint. */
import { execFileSync } from 'node:child_process'
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ZipFile } from 'yazl'
import { readModelConfig } from '../../formats/keras/index.ts'
import { clearSession, dense, input } from '../../layers/index.ts'
import { loadModel, model, type Model } from '../index.ts'
import { branching } from './branching.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-hostile-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => clearSession())
const at = (...names: string[]): string => join(folder, ...names)

const open: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  keras: loadModel,
  json: loadModel,
  h5: loadModel,
  safetensors: (path) => branching().loadWeights(path),
  'weights.h5': (path) => branching().loadWeights(path),
}

describe.skipIf(process.platform === 'win32').each(Object.keys(open))('no regular file: .%s', (ending) => {
  test.each([
    ['a pipe that nobody writes to', (path: string) => void execFileSync('mkfifo', [path])],
    ['a device without end', (path: string) => symlinkSync('/dev/zero', path)],
    ['a folder', (path: string) => symlinkSync(folder, path)],
  ])('%s', async (name, make) => {
    const path = at(`${name}.${ending}`)
    make(path)
    await expect(open[ending]!(path)).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringMatching(/it is (a folder|not a regular file), expected an? /u) as string,
      hint: expect.any(String) as string,
    })
  })
})

/** A `.keras` archive of that configuration, compressed; its weights are none. */
async function archive(name: string, config: string): Promise<string> {
  const zip = new ZipFile()
  const files = { 'config.json': config, 'metadata.json': '{}', 'model.weights.h5': 'none' }
  for (const [member, text] of Object.entries(files)) zip.addBuffer(Buffer.from(text), member)
  zip.end()
  await pipeline(zip.outputStream, createWriteStream(at(name)))
  return at(name)
}

/** So many bytes of JSON, of small lists and of numbers that keep it from shrinking to less than a hundredth. */
function manyValues(bytes: number): string {
  let text = '['
  for (let i = 0; text.length < bytes; i++) text += `${'[],'.repeat(70)}${Math.floor(Math.abs(Math.sin(i)) * 1e7)},`
  return `${text}1]`
}

describe('a description of a model that grows in memory', () => {
  const refusal = (found: RegExp): object => ({
    code: 'FORMAT',
    message: expect.stringMatching(found) as string,
    hint: expect.any(String) as string,
  })

  test.each([
    ['many bytes', 17 * 2 ** 20, /has 17,[\d,]+ bytes, expected at most 16,777,216 bytes/u],
    ['many values', 4 * 2 ** 20, /has [\d,]+ values, expected at most 1,000,000/u],
  ])('%s', async (name, bytes, found) => {
    const text = manyValues(bytes)
    await expect(loadModel(await archive(`${name}.keras`, text))).rejects.toMatchObject(refusal(found))
    writeFileSync(at(`${name}.json`), text)
    await expect(loadModel(at(`${name}.json`))).rejects.toMatchObject(refusal(found))
  })
})

/** Models within models, each of which calls the one within it 31 times. */
function multiplied(depth: number): object {
  const shape = [null, 4]
  const own = { module: 'keras.layers', registered_name: null }
  const tensor = (layer: string, node = 0): object => ({
    args: [{ class_name: '__keras_tensor__', config: { shape, dtype: 'float32', keras_history: [layer, node, 0] } }],
    kwargs: {},
  })
  const first = { ...own, class_name: 'InputLayer', name: 'x', config: { batch_shape: shape, name: 'x' }, inbound_nodes: [] }
  const inner = depth === 0 ? { ...own, class_name: 'ReLU', config: { name: 'y' } } : multiplied(depth - 1)
  const calls = depth === 0 ? [tensor('x')] : Array.from({ length: 31 }, (_, i) => (i === 0 ? tensor('x') : tensor('y', i - 1)))
  const layers = [first, { ...inner, name: 'y', inbound_nodes: calls }]
  const ends = { input_layers: [['x', 0, 0]], output_layers: [['y', calls.length - (depth === 0 ? 1 : 0), 0]] }
  return { class_name: 'Functional', config: { name: 'y', layers, ...ends } }
}

/** A model.json whose weights are in this shard. */
function withShard(name: string, shard: string): string {
  const config = { name: 'm', layers: [{ class_name: 'Dense', config: { name: 'd', units: 1, batch_input_shape: [null, 1] } }] }
  const weights = ['d/kernel', 'd/bias'].map((each, i) => ({ name: each, shape: i === 0 ? [1, 1] : [1], dtype: 'float32' }))
  const modelTopology = { model_config: { class_name: 'Sequential', config } }
  writeFileSync(at(name), JSON.stringify({ modelTopology, weightsManifest: [{ paths: [shard], weights }] }))
  return at(name)
}

describe("a model.json's shard", () => {
  beforeAll(() => {
    writeFileSync(at('whole.bin'), new Uint8Array(8))
    mkdirSync(at('folder.bin'))
  })

  test('beside a description with a byte-order mark', async () => {
    const path = withShard('bom.json', 'whole.bin')
    writeFileSync(path, `\uFEFF${readFileSync(path, 'utf8')}`)
    await expect(loadModel(path)).resolves.toBeDefined()
  })

  test('that is listed twice', async () => {
    writeFileSync(at('none.bin'), '')
    const path = withShard('twice.json', 'whole.bin')
    const text = readFileSync(path, 'utf8').replace('"whole.bin"', '"whole.bin","none.bin","./none.bin"')
    writeFileSync(path, text)
    const message = expect.stringContaining('twice.json: it lists the shard "./none.bin" twice') as string
    await expect(loadModel(path)).rejects.toMatchObject({ code: 'FORMAT', message, hint: expect.any(String) as string })
  })

  test.each([
    ['whole.bin', undefined],
    ['missing.bin', /^Cannot read the weights \S+missing\.bin: it does not exist/u],
    ['folder.bin', /^Cannot read the weights \S+folder\.bin: it is a folder, expected a shard of weights/u],
  ])('%s', async (shard, found) => {
    const opening = loadModel(withShard('shard.json', shard))
    if (found === undefined) await expect(opening).resolves.toBeDefined()
    else await expect(opening).rejects.toMatchObject({ code: 'FILE', message: expect.stringMatching(found) as string })
  })
})

test.each([
  ['safetensors', async (net: Model) => net.loadWeights(at('nan.safetensors'))],
  ['weights.h5', async (net: Model) => net.loadWeights(at('nan.weights.h5'))],
  ['json', async () => loadModel(withShard('nan.json', 'nan.bin'))],
])('numbers that are not finite, in .%s, are told with the file, the weight and a hint', async (ending, load) => {
  const net = branching()
  net.weights[1]!.assign(new Float32Array(4).fill(NaN))
  await net.save(at(`nan.${ending === 'json' ? 'keras' : ending}`))
  writeFileSync(at('nan.bin'), Buffer.from(Float32Array.of(1, NaN).buffer))
  const message = expect.stringMatching(new RegExp(`nan\\.${ending}: ".+" .*holds NaN, expected finite numbers`, 'u')) as string
  await expect(load(branching())).rejects.toMatchObject({ code: 'WEIGHTS', message, hint: expect.any(String) as string })
})

test.each([
  [2, undefined],
  [6, 'its layers are called more than 20,000 times'],
])('models %i deep that multiply the calls of a layer', (depth, refusal) => {
  const read = (): unknown => readModelConfig(multiplied(depth), 'a file')
  if (refusal === undefined) expect(read).not.toThrow()
  else expect(read).toThrow(refusal)
})

/** A network of one layer, in the form of Keras 3. */
function oneLayer(className: string, config: object, more: readonly unknown[] = [], kwargs: object = {}): object {
  const shape = [null, 4]
  const own = { module: 'keras.layers', registered_name: null }
  const x = { class_name: '__keras_tensor__', config: { shape, dtype: 'float32', keras_history: ['x', 0, 0] } }
  const layers = [
    { ...own, class_name: 'InputLayer', name: 'x', config: { batch_shape: shape, name: 'x' }, inbound_nodes: [] },
    { ...own, class_name: className, name: 'y', config: { name: 'y', ...config }, inbound_nodes: [{ args: [x, ...more], kwargs }] },
  ]
  return { class_name: 'Functional', config: { name: 'm', layers, input_layers: [['x', 0, 0]], output_layers: [['y', 0, 0]] } }
}

test.each([
  ['a negative epsilon', oneLayer('BatchNormalization', { epsilon: -10 }), 'found -10, expected at least 0'],
  ['an operator', oneLayer('Multiply', {}, [2]), 'the layer "y" is called on a tensor and 2'],
  ['an unknown argument', oneLayer('Dense', { units: 1, tiles: 3 }), 'has an argument tiles = 3'],
])('%s is refused with a hint', (_, config, found) => {
  const read = (): unknown => readModelConfig(config, 'a file')
  expect(read).toThrow(expect.objectContaining({ code: 'FORMAT', hint: expect.any(String) as string }))
  expect(read).toThrow(found)
})

test.each([
  [null, undefined],
  // Of every input of a nested model that has several.
  [[null, null], undefined],
  [[null, [1]], 'the layer "y" is called with mask = [null,[1]]'],
  [[], 'the layer "y" is called with mask = []'],
])('a call with the mask %j', (mask, refusal) => {
  const read = (): unknown => readModelConfig(oneLayer('Dense', { units: 1 }, [], { mask }), 'a file')
  if (refusal === undefined) expect(read).not.toThrow()
  else expect(read).toThrow(refusal)
})

test.each(['.', '..', ''])('a layer called "%s" goes into .keras, and is refused by the older form', async (name) => {
  const x = input({ shape: [2] })
  const net = model({ inputs: x, outputs: dense({ units: 1, name })(x) })
  await expect(net.save(at('names.h5'))).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('.keras') as string })
  await net.save(at('names.keras'))
  expect((await loadModel(at('names.keras'))).weights.map((weight) => weight.value())).toEqual(net.weights.map((weight) => weight.value()))
})

test.each([
  ['loadWeights', 'a.weights.json', /lists the parts of a file that Keras has divided/u, /save_weights/u],
  ['loadModel', 'a.weights.json', /lists the parts of a file that Keras has divided/u, /save_weights/u],
  ['loadWeights', 'model.json', /expected a name that ends in \.weights\.h5/u, /loadModel/u],
] as const)('%s says what %s is', async (verb, name, message, hint) => {
  const opened = verb === 'loadModel' ? loadModel(at(name)) : branching().loadWeights(at(name))
  const expected = { code: 'USAGE', message: expect.stringMatching(message) as string, hint: expect.stringMatching(hint) as string }
  await expect(opened).rejects.toMatchObject(expected)
})
