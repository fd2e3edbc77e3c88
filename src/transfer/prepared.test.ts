/** @file Prepared networks: the answers of the long way, and no answer where anything changed. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { mobilenet } from '../applications/index.ts'
import { drawAnimal } from '../image/index.ts'
import { keepPrepared, openPrepared, preparedFolder } from './prepared.ts'
import { pretrainedClassifier } from './pretrained.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-prepared-'))
const weights = join(scratch, 'mobilenet.weights.h5')
const request = { network: 'mobilenet', alpha: 0.25, weights, size: 64 }
const files = (ending: string): string[] => readdirSync(preparedFolder()).filter((name) => name.endsWith(ending))

beforeAll(async () => {
  const net = await mobilenet({ alpha: 0.25, weights: null, inputShape: [64, 64, 3] })
  await net.saveWeights(weights)
})
beforeEach(() => {
  process.env['ROOTSTOCK_CACHE'] = mkdtempSync(join(scratch, 'cache-'))
})
afterAll(() => {
  delete process.env['ROOTSTOCK_CACHE']
  rmSync(scratch, { recursive: true, force: true })
})

const long = (): ReturnType<typeof pretrainedClassifier> => pretrainedClassifier('mobilenet', { alpha: 0.25, weights, size: 64 })

async function kept(asked: Parameters<typeof keepPrepared>[0] = request): Promise<void> {
  const classifier = await long()
  await keepPrepared(asked, classifier)
  await classifier.dispose()
}

it('answers as the network does, bit for bit, and says that it has no layers', async () => {
  expect(await openPrepared(request)).toBeUndefined()
  await kept()
  const photo = await drawAnimal('cat', 1)
  const [first, second] = [await long(), (await openPrepared(request))!]
  expect(await second.predict(photo, { top: 1000 })).toEqual(await first.predict(photo, { top: 1000 }))
  expect([second.network, second.reading, second.classNames]).toEqual([first.network, first.reading, first.classNames])
  expect(() => second.model).toThrow('holds a graph without layers')
  await Promise.all([first.dispose(), second.dispose()])
})

it.each<[string, () => void]>([
  ['other weights', () => appendFileSync(weights, 'x')],
  ['a damaged graph', () => truncateSync(join(preparedFolder(), files('.onnx')[0]!), 1000)],
  ['damaged facts', () => writeFileSync(join(preparedFolder(), files('.json')[0]!), '{')],
  ['facts of another form', () => writeFileSync(join(preparedFolder(), files('.json')[0]!), 'null')],
])('takes the long way after %s', async (_, change) => {
  const before = readFileSync(weights)
  await kept()
  change()
  expect(await openPrepared(request)).toBeUndefined()
  writeFileSync(weights, before)
})

it('knows what was asked for', async () => {
  await kept()
  for (const other of [{ alpha: 0.5 }, { size: 96 }, { weights: undefined }, { network: 'vgg16' }, { weights: 'none' }])
    expect(await openPrepared({ ...request, ...other })).toBeUndefined()
  process.env['ROOTSTOCK_ENGINE'] = 'webgpu'
  expect(await openPrepared(request)).toBeUndefined()
  delete process.env['ROOTSTOCK_ENGINE']
})

it('keeps eight networks, and goes without where nothing can be kept', async () => {
  for (let i = 0; i < 10; i++) await kept({ ...request, network: `number ${i}` })
  expect([files('.json').length, files('.onnx').length]).toEqual([8, 8])
  process.env['ROOTSTOCK_CACHE'] = weights
  await kept()
})
