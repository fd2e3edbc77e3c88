/** @file The feature store: keys, halves, damage, processes that share it or are killed, and fingerprints beside it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { featureFolder, openFeatureStore, openHashCache } from './feature-store.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rootstock-store-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a store keeps features by trunk, photo and view, over closing and opening', async () => {
  const first = await openFeatureStore(folder)
  await first.use('trunk a', 'mobilenet 0.25, 224 px')
  first.put({ trunk: 'trunk a', photo: 'photo', view: 0 }, Float32Array.of(1, 2, 3))
  first.put({ trunk: 'trunk a', photo: 'photo', view: 1 }, Float32Array.of(4))
  first.put({ trunk: 'trunk b', photo: 'photo', view: 0 }, Float32Array.of(5))
  await first.flush()
  await first.close()
  const second = await openFeatureStore(folder)
  expect(second.get({ trunk: 'trunk a', photo: 'photo', view: 0 })).toEqual(Float32Array.of(1, 2, 3))
  expect(second.get({ trunk: 'trunk a', photo: 'photo', view: 1 })).toEqual(Float32Array.of(4))
  expect(second.get({ trunk: 'trunk b', photo: 'photo', view: 0 })).toEqual(Float32Array.of(5))
  expect(second.get({ trunk: 'trunk a', photo: 'another photo', view: 0 })).toBeUndefined()
  expect(second.get({ trunk: 'trunk a', photo: 'photo', view: 2 })).toBeUndefined()
  expect(second.trunks()).toMatchObject([{ key: 'trunk a', title: 'mobilenet 0.25, 224 px', entries: 2 }])
  expect(await second.prune('trunk a')).toBe(2)
  expect(second.get({ trunk: 'trunk a', photo: 'photo', view: 0 })).toBeUndefined()
  expect(second.get({ trunk: 'trunk b', photo: 'photo', view: 0 })).toEqual(Float32Array.of(5))
  await second.close()
})

test('halves take half the space and come back rounded', async () => {
  const store = await openFeatureStore(folder)
  const entry = { trunk: 'halves', photo: 'p', precision: 'float16' } as const
  store.put(entry, Float32Array.of(1, 0.1, -65504, 3e-8))
  await store.flush()
  expect([...(store.get(entry) ?? [])]).toEqual([1, 0.0999755859375, -65504, 2 ** -25 < 3e-8 ? 2 ** -24 : 0])
  await store.use('halves', '')
  expect(store.trunks().find(({ key }) => key === 'halves')?.bytes).toBe(4 * 2 + 8 + 36)
  // Read as whole numbers it is two of them, which no trunk with four features takes.
  expect(store.get({ ...entry, precision: 'float32' })).toHaveLength(2)
  await store.close()
})

const worker = (name: string, count: number): string => `
  import { openFeatureStore } from ${JSON.stringify(join(process.cwd(), 'src/data/feature-store.ts'))}
  const store = await openFeatureStore(${JSON.stringify(folder)})
  for (let i = 0; i < ${count}; i++) {
    store.put({ trunk: 'shared', photo: '${name}' + i }, new Float32Array(256).fill(i))
    if (i % 50 === 0) await store.flush()
    if (i === 100) console.log('half')
  }
  await store.flush()
  await store.close()`

test('two processes write at once; one that is killed leaves nothing damaged behind', async () => {
  const run = (name: string, count: number) => {
    const started = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', worker(name, count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return { started, ended: once(started, 'exit') }
  }
  const [a, b, killed] = [run('a', 300), run('b', 300), run('k', 1_000_000)]
  await once(killed.started.stdout, 'data')
  killed.started.kill('SIGKILL')
  expect((await a.ended)[0]).toBe(0)
  expect((await b.ended)[0]).toBe(0)
  await killed.ended
  const store = await openFeatureStore(folder)
  for (const name of ['a', 'b']) {
    for (let i = 0; i < 300; i++) expect(store.get({ trunk: 'shared', photo: `${name}${i}` })).toEqual(new Float32Array(256).fill(i))
  }
  // What was flushed is there; what was not is whole or absent.
  expect(store.get({ trunk: 'shared', photo: 'k50' })).toEqual(new Float32Array(256).fill(50))
  for (let i = 0; i < 1000; i++) {
    const found = store.get({ trunk: 'shared', photo: `k${i}` })
    if (found) expect(found).toEqual(new Float32Array(256).fill(i))
  }
  await store.close()
}, 60_000)

test('fingerprints are kept beside the features; a folder that cannot be used keeps none', async () => {
  const first = await openHashCache(folder)
  await first.cache.put('content', 'look')
  await first.close()
  const second = await openHashCache(folder)
  expect(await second.cache.get('content')).toBe('look')
  expect(await second.cache.get('other')).toBeUndefined()
  await second.close()
  const none = await openHashCache('/dev/null/features')
  await none.cache.put('content', 'look')
  expect(await none.cache.get('content')).toBe('look')
  await none.close()
  await expect(openFeatureStore('/dev/null/features')).rejects.toMatchObject({ code: 'FILE' })
})

test.each([
  [{ ROOTSTOCK_CACHE: '/a' }, '/a/features'],
  [{ XDG_CACHE_HOME: '/b' }, '/b/rootstock/features'],
])('featureFolder of %j is %s', (environment, expected) => expect(featureFolder(environment)).toBe(expected))
