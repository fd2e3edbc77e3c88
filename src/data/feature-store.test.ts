/** @file The feature store: keys, halves, damage, processes that share it or are killed, and fingerprints beside it. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { featureFolder, openFeatureStore, openHashCache } from './feature-store.ts'
import { compactStoreFile } from './compact-store.ts'
import { storeFile } from './store-name.ts'

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

/** A store of its own with 4 MB of features. */
async function filled(name: string): Promise<string> {
  const own = join(folder, name)
  const store = await openFeatureStore(own)
  await store.use('trunk', 'title')
  for (let i = 0; i < 500; i++) store.put({ trunk: 'trunk', photo: `${i}` }, new Float32Array(2048).fill(i))
  await store.flush()
  await store.close()
  return own
}

test("what is pruned is gone, and its space is the disk's again or the store's", async () => {
  const own = await filled('pruned')
  const size = (): number => statSync(join(own, storeFile)).size
  const full = size()
  const store = await openFeatureStore(own)
  expect(await store.prune()).toBe(500)
  expect([store.trunks(), store.get({ trunk: 'trunk', photo: '7' })]).toEqual([[], undefined])
  await store.close()
  expect(await compactStoreFile(own)).toBe(true)
  expect(size()).toBeLessThan(full / 20)
  expect(readdirSync(own).filter((file) => file.endsWith('.tmp'))).toEqual([])
  // Without compacting, the space is used again.
  const again = await openFeatureStore(await filled('pruned'))
  await again.prune()
  await again.close()
  await filled('pruned')
  expect(size()).toBeLessThan(full * 1.2)
  const last = await openFeatureStore(own)
  expect(last.get({ trunk: 'trunk', photo: '499' })).toEqual(new Float32Array(2048).fill(499))
  await last.close()
})

test('a file that another process reads is left as it is', async () => {
  const own = await filled('shared')
  const open = `
    import { openFeatureStore } from ${JSON.stringify(join(process.cwd(), 'src/data/feature-store.ts'))}
    await openFeatureStore(${JSON.stringify(own)})
    console.log('open')
    setInterval(() => undefined, 1000)`
  const other = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', open], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(other.stdout, 'data')
  expect(await compactStoreFile(own)).toBe(false)
  other.kill('SIGKILL')
  await once(other, 'exit')
  expect(await compactStoreFile(own)).toBe(true)
})

/** Mounts a small disk, or says why it cannot. */
function smallDisk(name: string, options: string): { readonly disk: string; readonly problem: string | undefined } {
  const disk = mkdtempSync(join(tmpdir(), `rootstock-${name}-`))
  if (process.getuid?.() !== 0) return { disk, problem: 'needs root, who may mount a small disk' }
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk], { stdio: 'ignore' })
    return { disk, problem: undefined }
  } catch {
    return { disk, problem: 'needs the right to mount a small disk' }
  }
}

const { disk, problem } = smallDisk('full', 'size=256k')
afterAll(() => {
  if (problem === undefined) execFileSync('umount', [disk])
  rmSync(disk, { recursive: true, force: true })
})

test.skipIf(problem !== undefined)(
  `a full disk is an error to catch, and keeps what was there (${problem ?? 'a disk of 256 kB'})`,
  async () => {
    const store = await openFeatureStore(join(disk, 'features'))
    await store.use('trunk', 'title')
    const values = new Float32Array(2048).fill(3)
    store.put({ trunk: 'trunk', photo: 'first' }, values)
    await store.flush()
    for (let i = 0; i < 200; i++) store.put({ trunk: 'trunk', photo: `${i}` }, values)
    await expect(store.flush()).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringMatching(/^Cannot store features in .*full/) as string,
    })
    store.put({ trunk: 'trunk', photo: 'more' }, values)
    await expect(store.flush()).rejects.toMatchObject({ code: 'FILE' })
    await store.close()
    const again = await openFeatureStore(join(disk, 'features'))
    expect(again.get({ trunk: 'trunk', photo: 'first' })).toEqual(values)
    await again.close()
    const prints = await openHashCache(join(disk, 'features'))
    for (let i = 0; i < 5000; i++) await prints.cache.put(`content ${i}`, 'x'.repeat(100))
    await prints.close()
    expect(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(256 * 1024))).toThrow(/ENOSPC/)
    await expect(openFeatureStore(join(disk, 'other'))).rejects.toMatchObject({
      code: 'FILE',
      message: expect.stringMatching(/no space is left/) as string,
    })
  },
)

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
