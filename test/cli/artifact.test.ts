/** @file classifier.onnx from the command line: written by train and export, taken by predict and evaluate, checked by doctor. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { beforeAll, describe, expect, it } from 'vitest'
import { readArtifact } from '../../src/transfer/artifact/read-artifact.ts'
import { drawClasses, expectRefusal, rootstock, rootstockJson, scratchFolder, SMALL } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)
const photo = (): string => at('data', 'cat', '0.jpg')

beforeAll(async () => {
  await drawClasses(at('data'), 8)
  const { code, stderr } = await rootstock(['train', at('data'), ...SMALL, '--epochs', '1', '--batch-size', '4', '--out', at('run')])
  expect(code, stderr).toBe(0)
})

/** What the run itself says, asked once. */
let runsAnswer = NaN
beforeAll(async () => {
  runsAnswer = await catOf(at('run'))
})

interface Named {
  readonly predictions: readonly { readonly top: readonly { readonly label: string; readonly probability: number }[] }[]
}

/** The probability of a cat that a model gives to one drawing. */
async function catOf(model: string, ...flags: string[]): Promise<number> {
  const { code, stderr, json } = await rootstockJson(['predict', model, photo(), ...flags])
  expect(code, stderr).toBe(0)
  const answers = (json as unknown as Named).predictions[0]?.top ?? []
  expect(answers.map(({ label }) => label).sort()).toEqual(['cat', 'dog'])
  return answers.find(({ label }) => label === 'cat')?.probability ?? NaN
}

describe('train', () => {
  it('leaves a classifier.onnx in the run that names photos as the run does', async () => {
    expect(existsSync(at('run', 'classifier.onnx'))).toBe(true)
    expect(await catOf(at('run', 'classifier.onnx'))).toBeCloseTo(runsAnswer, 6)
  })
})

describe('export', () => {
  it.each([
    ['pets.onnx', [], 6],
    ['half.onnx', ['--precision', 'float16'], 2],
    ['pets.keras', [], 6],
    ['pets.h5', [], 6],
  ] as const)('writes %s, which gives the same answers', async (name, flags, digits) => {
    const { code, json, stderr } = await rootstockJson(['export', at('run'), at(name), ...flags])
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ path: at(name), classes: ['cat', 'dog'], bytes: readFileSync(at(name)).length })
    expect(await catOf(at(name))).toBeCloseTo(runsAnswer, digits)
  })

  it('says how far an 8-bit file is from the classifier that was trained in float32', async () => {
    const argv = ['export', at('run'), at('bytes.onnx'), '--precision', 'int8', '--photos', at('data')]
    const { code, json, stderr } = await rootstockJson(argv)
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ precision: 'int8', difference: expect.any(Number) as number, agreement: { photos: { compared: 5 } } })
    const { cosine } = json['agreement'] as { cosine: { mean: number; min: number } }
    expect(cosine.min).toBeGreaterThan(0.9)
    expect(json['floatDifference']).toBeLessThan(0.2)
    const { stdout } = await rootstock(argv)
    expect(stdout).toMatch(/^Features agree with float32 to a cosine of 0\.\d{4}, .* over 5 photos\n.*in int8 over its parity samples.*\nFrom its answers in float32/m) // prettier-ignore
  })

  it.each([NaN, Infinity])(
    'writes an 8-bit file that answers a photo with a pixel of %d with NaN, and the others as before',
    async (pixel) => {
      const argv = ['export', at('run'), at('spoilt.onnx'), '--precision', 'int8', '--photos', at('data')]
      expect((await rootstock(argv)).code).toBe(0)
      const session = await ort.InferenceSession.create(at('spoilt.onnx'))
      const { size } = (await readArtifact(at('spoilt.onnx'))).metadata.preprocessing
      const length = size[0] * size[1] * 3
      const photos = Float32Array.from({ length: 2 * length }, (_, i) => (i * 37) % 256)
      const answers = async (): Promise<number[]> => {
        const { probabilities } = await session.run({ photo: new ort.Tensor('float32', photos, [2, ...size, 3]) })
        return [...(probabilities?.data as Float32Array)]
      }
      const before = await answers()
      photos[length + 7] = pixel
      expect(await answers()).toEqual([...before.slice(0, 2), NaN, NaN])
      await session.release()
    },
  )

  it.each(['pets.weights.h5', 'pets.safetensors'])('writes %s, weights alone', async (name) => {
    expect((await rootstock(['export', at('run'), at(name)])).code).toBe(0)
    expectRefusal(await rootstock(['predict', at(name), photo()]), { code: 4, says: /holds weights alone.*--weights/ })
    const says = /Cannot check .*expected a classifier\.onnx.*\. Give the folder of a run, or a classifier\.onnx$/m
    expectRefusal(await rootstock(['doctor', at(name)]), { code: 2, says })
  })

  it('refuses what cannot be', async () => {
    expectRefusal(await rootstock(['export', at('run'), at('pets.pb')]), { code: 2, says: /expected a name that ends in \.onnx, \.keras/ })
    const half = ['export', at('run'), at('pets2.keras'), '--precision', 'float16']
    expectRefusal(await rootstock(half), { code: 2, says: /float16: expected a name that ends in \.onnx/ })
    const back = ['export', at('run', 'classifier.onnx'), at('back.keras')]
    expectRefusal(await rootstock(back), { code: 2, says: /a graph without layers\. Open the folder of its run/ })
    expect((await rootstock(['export', '--help'])).stdout).toMatch(
      /^ {2}MODEL {2}The folder of a run, a \.keras or \.h5 model, or the name of/m,
    )
  })
})

describe('a Keras model without names', () => {
  it('has numbered classes, or those of --labels', async () => {
    await rootstock(['export', at('run'), at('bare.keras')])
    renameSync(at('bare.labels.json'), at('names.json'))
    const { json } = await rootstockJson(['predict', at('bare.keras'), photo()])
    expect((json as unknown as Named).predictions[0]?.top.map(({ label }) => label).sort()).toEqual(['class 0', 'class 1'])
    expect(await catOf(at('bare.keras'), '--labels', at('names.json'))).toBeCloseTo(runsAnswer, 6)
    const { code, json: evaluation } = await rootstockJson(['evaluate', at('bare.keras'), at('data'), '--labels', at('names.json')])
    expect([code, evaluation['images']]).toEqual([0, 16])
    writeFileSync(at('three.txt'), 'a\nb\nc\n')
    const wrong = ['predict', at('bare.keras'), photo(), '--labels', at('three.txt')]
    expectRefusal(await rootstock(wrong), { code: 3, says: /found 3 labels, expected 2/ })
  })
})

describe('classifier.onnx', () => {
  it('is evaluated as the run is', async () => {
    const [artifact, run] = await Promise.all(
      [at('run', 'classifier.onnx'), at('run')].map((model) => rootstockJson(['evaluate', model, at('data')])),
    )
    expect(artifact?.json['confusion']).toEqual(run?.json['confusion'])
    expect(artifact?.json['loss']).toBeCloseTo(Number(run?.json['loss']), 5)
  })

  it('settles size and width itself, and has a summary', async () => {
    const model = at('run', 'classifier.onnx')
    expectRefusal(await rootstock(['predict', model, photo(), '--size', '64']), {
      code: 2,
      says: /Cannot use size with .*settles that itself/,
    })
    expectRefusal(await rootstock(['predict', model, photo(), '--alpha', '1']), { code: 2, says: /Cannot use --alpha with / })
    expect((await rootstock(['summary', model])).stdout).toMatch(/^ONNX graph of mobilenet\n\d+ operators: /)
  })
})

describe('doctor', () => {
  it('checks the machine', async () => {
    const { code, json, stderr } = await rootstockJson(['doctor'], { ROOTSTOCK_HOME: at('home') })
    expect(code, stderr).toBe(0)
    const checks = json['checks'] as { name: string; status: string; found: string }[]
    const expected =
      'environment, Node, processor, engine, other engines, pictures, memory, cache folder, feature folder, free disk, weights, network'
    expect(checks.map(({ name }) => name)).toEqual(expected.split(', '))
    expect(checks.find(({ name }) => name === 'network')?.found).toBe('off (ROOTSTOCK_OFFLINE)')
    expect(checks.find(({ name }) => name === 'weights')?.status).toBe('warn')
  })

  it('fails where the cache cannot be written', async () => {
    writeFileSync(at('file'), '')
    const result = await rootstock(['doctor'], { ROOTSTOCK_HOME: at('file') })
    expectRefusal(result, { code: 1, says: /fails 1 of 12 checks; the first is cache folder: .*Set ROOTSTOCK_HOME/ })
    expect(result.stdout).toMatch(/^problem +cache folder/m)
  })

  it('names a variable that nobody reads', async () => {
    const { code, stdout } = await rootstock(['doctor'], { ROOTSTOCK_HOME: at('home'), ROOTSTOCK_MIROR: 'x' })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^warning +environment +ROOTSTOCK_MIROR is read by nobody\. Did you mean ROOTSTOCK_MIRROR/m)
  })

  it('replays the samples of a classifier', async () => {
    const { code, stdout } = await rootstock(['doctor', at('run')])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ok +content +as it was written$/m)
    expect(stdout).toMatch(/^ok +noise \(PNG\) +differs by \d\.\de[+-]\d+$/m)
    expect(stdout).toMatch(/^This machine gives the same answers: .*0\.0001 is allowed$/m)
  })

  it('finds one changed byte among the weights', async () => {
    const bytes = readFileSync(at('run', 'classifier.onnx'))
    const place = Math.floor(bytes.length / 2)
    bytes[place] = (bytes[place] ?? 0) ^ 1
    writeFileSync(at('changed.onnx'), bytes)
    const { code, json, stderr } = await rootstockJson(['doctor', at('changed.onnx')])
    expect(code).toBe(1)
    expect(json).toMatchObject({ intact: false, same: false, error: { code: 'ENGINE' } })
    expect(stderr).toMatch(/its content changed since it was written/)
    expectRefusal(await rootstock(['predict', at('changed.onnx'), photo()]), { code: 4, says: /its content is not what was written/ })
  })

  it('says what has no samples', async () => {
    expectRefusal(await rootstock(['doctor', photo()]), { code: 2, says: /expected a classifier\.onnx.*the folder of a run/ })
    expectRefusal(await rootstock(['doctor', at('nothing')]), { code: 1, says: /there is no such file or folder/ })
  })
})
