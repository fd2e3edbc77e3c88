import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { featureFolder, openFeatureStore } from './feature-store.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rootstock-store-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a store keeps features by trunk, photo and view, over closing and opening', async () => {
  const first = await openFeatureStore(folder)
  await first.use('trunk a', 'mobilenet 0.25, 224 px')
  first.put('trunk a', 'photo', 0, Float32Array.of(1, 2, 3))
  first.put('trunk a', 'photo', 1, Float32Array.of(4))
  first.put('trunk b', 'photo', 0, Float32Array.of(5))
  await first.flush()
  await first.close()
  const second = await openFeatureStore(folder)
  expect(second.get('trunk a', 'photo', 0)).toEqual(Float32Array.of(1, 2, 3))
  expect(second.get('trunk a', 'photo', 1)).toEqual(Float32Array.of(4))
  expect(second.get('trunk b', 'photo', 0)).toEqual(Float32Array.of(5))
  expect(second.get('trunk a', 'another photo', 0)).toBeUndefined()
  expect(second.get('trunk a', 'photo', 2)).toBeUndefined()
  expect(second.trunks()).toMatchObject([{ key: 'trunk a', title: 'mobilenet 0.25, 224 px', entries: 2 }])
  expect(await second.prune('trunk a')).toBe(2)
  expect(second.get('trunk a', 'photo', 0)).toBeUndefined()
  expect(second.get('trunk b', 'photo', 0)).toEqual(Float32Array.of(5))
  await second.close()
})

test.each([
  [{ ROOTSTOCK_CACHE: '/a' }, '/a/features'],
  [{ XDG_CACHE_HOME: '/b' }, '/b/rootstock/features'],
])('featureFolder of %j is %s', (environment, expected) => expect(featureFolder(environment)).toBe(expected))
