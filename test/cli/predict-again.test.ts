/** @file `rootstock predict` with a network that an earlier process made ready. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mobilenet } from '../../src/applications/index.ts'
import { drawAnimal } from '../../src/image/index.ts'
import { rootstock, rootstockJson } from './rootstock.cases.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-again-'))
const [weights, photo] = [join(scratch, 'net.weights.h5'), join(scratch, 'cat.jpg')]
const env = { ROOTSTOCK_CACHE: join(scratch, 'cache') }
const predict = ['predict', 'mobilenet', photo, '--alpha', '0.25', '--weights', weights, '--size', '64']

beforeAll(async () => {
  const net = await mobilenet({ alpha: 0.25, weights: null, inputShape: [64, 64, 3] })
  await net.saveWeights(weights)
  writeFileSync(photo, await drawAnimal('cat', 1))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

it('gives the same answers, is shown by cache, and is removed by --prune', { timeout: 60_000 }, async () => {
  const first = await rootstockJson(predict, env)
  expect(first.code, first.stderr).toBe(0)
  const shown = await rootstock(['cache'], env)
  expect(shown.stdout).toMatch(/1 network made ready for predictions, \d\.\d\d MB\n$/)
  const second = await rootstockJson(predict, env)
  expect(second.json).toEqual(first.json)
  expect((await rootstockJson(['cache', '--prune', 'all'], env)).json).toMatchObject({ networks: { count: 1 } })
  expect((await rootstockJson(['cache'], env)).json).toMatchObject({ networks: { count: 0, bytes: 0 } })
})
