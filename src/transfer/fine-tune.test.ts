/** @file `fineTune`: both stages, what trains in each, and what it refuses. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ANIMALS, drawAnimal } from '../image/index.ts'
import { autoName } from '../layers/index.ts'
import type { TrainingEvent } from '../training/index.ts'
import type { Classifier } from './classifier.ts'
import { loadClassifier } from './load-classifier.ts'
import { fineTune, trainClassifier } from './train-classifier.ts'

const folder = mkdtempSync(join(tmpdir(), 'rootstock-tuned-'))
const photos = join(folder, 'photos')
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(async () => {
  for (const kind of ANIMALS) {
    mkdirSync(join(photos, kind), { recursive: true })
    for (let i = 0; i < 12; i++) writeFileSync(join(photos, kind, `${i}.jpg`), await drawAnimal(kind, i, 96))
  }
})

const quick = { weights: 'embedded', head: 'none', epochs: 2, plots: false, duplicates: 'exact', patience: null } as const

it('trains the head, then the last block with a rate that warms up and falls', async () => {
  const events: TrainingEvent[] = []
  const out = join(folder, 'run')
  const classifier = await fineTune(photos, { ...quick, out, learningRate: 1e-4, batchSize: 2, onEvent: (event) => events.push(event) })
  expect(events.filter(({ type }) => type === 'trainBegin')).toHaveLength(2)
  expect(classifier.report).toMatchObject({ epochs: 4, run: out })
  const run = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as { settings: object; weightsSha256: string }
  expect(run.settings).toMatchObject({ recipe: 'fine-tune', learningRate: 1e-4 })
  const rates = readFileSync(join(out, 'history.csv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(',')[2])
  expect(rates[0]).toBe('learning_rate')
  expect(rates.slice(1, 3).map(Number)).toEqual([expect.closeTo(1e-3, 8), expect.closeTo(1e-3, 8)])
  // Half of the way down the cosine, and its end.
  expect(Number(rates[3])).toBeLessThan(1e-4)
  expect(Number(rates[3])).toBeGreaterThan(1e-5)
  expect(Number(rates[4])).toBeCloseTo(0, 6)
  const [expected] = await classifier.predict(join(photos, 'cat', '0.jpg'))
  await classifier.dispose()
  const loaded = await loadClassifier(out)
  expect((await loaded.predict(join(photos, 'cat', '0.jpg')))[0]).toEqual(expected)
  await loaded.dispose()

  const weights = readFileSync(join(out, 'best.weights.h5'))
  const place = weights.length >> 1
  weights.writeUInt8(weights.readUInt8(place) ^ 1, place)
  writeFileSync(join(out, 'best.weights.h5'), weights)
  await expect(loadClassifier(out), 'with another bit').rejects.toMatchObject({
    code: 'WEIGHTS',
    hint: expect.stringContaining('weightsSha256') as string,
  })
  writeFileSync(join(out, 'run.json'), JSON.stringify({ ...run, weightsSha256: undefined }))
  await (await loadClassifier(out)).dispose()
})

it.each([
  ['the head', {}],
  ['the last block', { recipe: 'fine-tune' }],
  ['the layers from one on', { unfreezeFrom: 'conv_pw_13' }],
  ['a network without weights', { weights: 'none', unfreezeFrom: 'all' }],
] as const)('a run that trained %s shows the same layers as trained when it is loaded', async (name, settings) => {
  const out = join(folder, name.replaceAll(' ', '-'))
  const trained = await trainClassifier(photos, { ...quick, epochs: 1, alpha: 0.5, size: 32, out, ...settings })
  const loaded = await loadClassifier(out)
  const paths = ({ model }: Classifier): string[] => model.trainableWeights.map(({ path }) => path)
  expect(paths(loaded)).toEqual(paths(trained))
  expect(paths(loaded)).toContain('dense_output/kernel')
  await Promise.all([trained.dispose(), loaded.dispose()])
})

it('leaves the automatic names of the session as they were', async () => {
  const before = autoName('Dense')
  const settings = { ...quick, epochs: 1, alpha: 0.25, size: 32, weights: 'none', unfreezeFrom: 'all' } as const
  await (await trainClassifier(photos, { ...settings, out: join(folder, 'named') })).dispose()
  const numberOf = (name: string): number => Number(name.split('_')[1] ?? 0)
  expect(numberOf(autoName('Dense'))).toBe(numberOf(before) + 1)
})

it('refuses random weights', async () => {
  await expect(fineTune(photos, { ...quick, weights: 'none', out: join(folder, 'no') })).rejects.toMatchObject({
    code: 'USAGE',
    message: 'Cannot fine-tune: found random weights (weights none), expected pretrained ones',
  })
})
