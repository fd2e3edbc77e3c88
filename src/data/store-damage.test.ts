/** @file A damaged file of the stores: found before LMDB maps it, which would end the process, and replaced; a whole one is let be. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { random } from '../tensor/index.ts'
import { openFeatureStore, openHashCache } from './feature-store.ts'
import { storeDamage } from './store-damage.ts'
import { storeFile } from './store-name.ts'

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-damage-'))
const whole = join(scratch, 'whole')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Numbers per photo: several in a page, and one in pages of its own. */
const widths = [8, 256, 3000] as const

async function fill(folder: string, photos: number): Promise<void> {
  const store = await openFeatureStore(folder)
  for (const width of widths) {
    await store.use(`${width}`, 'a title')
    for (let i = 0; i < photos; i++) store.put({ trunk: `${width}`, photo: `${i}` }, new Float32Array(width).fill(i))
    await store.flush()
  }
  await store.close()
}

/** A copy that `change` is done to. */
function damaged(name: string, change: (path: string) => void): string {
  const folder = join(scratch, name)
  mkdirSync(folder)
  copyFileSync(join(whole, storeFile), join(folder, storeFile))
  change(join(folder, storeFile))
  return folder
}

const flip = (place: number) => (path: string) => {
  const bytes = readFileSync(path)
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x80, place)
  writeFileSync(path, bytes)
}

beforeAll(async () => {
  await fill(whole, 300)
  const store = await openFeatureStore(whole)
  await store.prune('256')
  await store.close()
  await fill(whole, 100)
})

test('stores that are written, pruned and filled again are whole', async () => {
  const folder = join(scratch, 'used')
  const rng = random('used')
  for (let round = 0; round < 8; round++) {
    await fill(folder, 20 + rng.integer(200))
    expect(storeDamage(folder)).toBeUndefined()
    const store = await openFeatureStore(folder)
    expect(store.damage).toBeUndefined()
    await store.prune(`${widths[rng.integer(3)] ?? 8}`)
    await store.close()
    expect(storeDamage(folder)).toBeUndefined()
  }
})

test.each<[name: string, change: (path: string) => void, says: RegExp]>([
  ['1 byte', (path) => truncateSync(path, 1), /^it ends in its first pages$/],
  ['1000 bytes', (path) => truncateSync(path, 1000), /^it ends in its first pages$/],
  ['60000 bytes', (path) => truncateSync(path, 60_000), /^it ends after 60000 of at least \d+ bytes$/],
  ['other bytes', (path) => writeFileSync(path, Buffer.alloc(50_000, 0xa5)), /^its first pages are not those of a store$/],
  ['a size of pages', flip(24 + 25), /^the sizes in its first pages are impossible$/],
])('a store of %s is told, and replaced by an empty one', async (name, change, says) => {
  const folder = damaged(name, change)
  expect(storeDamage(folder)).toMatch(says)
  const store = await openFeatureStore(folder)
  expect(store.damage).toMatch(/^The feature store .* was damaged \(.*\) and is removed; features are computed again$/)
  expect(store.trunks()).toEqual([])
  await store.close()
  await fill(folder, 3)
  expect(storeDamage(folder)).toBeUndefined()
})

test('flipped bits of what describes pages are told, or harm nothing', async () => {
  const rng = random('flips')
  const pages = Math.floor(readFileSync(join(whole, storeFile)).length / 4096)
  let told = 0
  for (let number = 0; number < 12; number++) {
    const places = Array.from({ length: 30 }, () => rng.integer(pages) * 4096 + rng.integer(24))
    const folder = damaged(`flips ${number}`, (path) => places.forEach((place) => flip(place)(path)))
    if (storeDamage(folder) !== undefined) told++
    const store = await openFeatureStore(folder)
    for (const width of widths) for (let i = 0; i < 300; i += 50) store.get({ trunk: `${width}`, photo: `${i}` })
    await store.prune()
    await store.close()
  }
  expect(told).toBeGreaterThan(8)
})

test('the cache of fingerprints tells of a damaged store too', async () => {
  const folder = damaged('prints', (path) => truncateSync(path, 30_000))
  const prints = await openHashCache(folder)
  expect(prints.damage).toMatch(/was damaged/)
  await prints.cache.put('content', 'look')
  await prints.close()
  const again = await openHashCache(folder)
  expect([again.damage, await again.cache.get('content')]).toEqual([undefined, 'look'])
  await again.close()
})
