/** @file Tests of copies: what counts as one, how they are found, and that no split has them in two parts. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { drawAnimal } from '../image/index.ts'
import type { Dataset } from './dataset.ts'
import { decodeFingerprint, encodeFingerprint, fingerprint, isNear, signDistance } from './fingerprint.ts'
import type { Fingerprint } from './fingerprint.ts'
import { folderOf } from './folders.cases.ts'
import { memoryHashCache } from './hash-cache.ts'
import { nearGroups } from './near-pairs.ts'
import { splitOf } from './split.ts'
import type { Split } from './split.ts'

async function photo(number: number): Promise<Buffer> {
  return Buffer.from(await drawAnimal(number % 2 === 0 ? 'cat' : 'dog', number, 96))
}

const half = (bytes: Buffer): Promise<Buffer> => sharp(bytes).resize(48).jpeg({ quality: 90 }).toBuffer()
const compressed = (bytes: Buffer): Promise<Buffer> => sharp(bytes).jpeg({ quality: 60 }).toBuffer()

/** Files "part/class/name" with drawn animals of their own. */
async function drawn(names: readonly string[], others: readonly (readonly [string, Buffer])[] = []): Promise<string> {
  const files = await Promise.all(names.map(async (name, number) => [name, await photo(number)] as const))
  return folderOf([...files, ...others])
}

function names(dataset: Dataset, root: string): string[] {
  return Array.from(dataset.labels, (_, index) => (dataset.file?.(index).toString() ?? '').slice(root.length + 1))
}

function partOf(split: Split, name: string): string | undefined {
  return (['train', 'validation', 'test'] as const).find((part) => names(split[part], split.root).includes(name))
}

describe('fingerprint', () => {
  test.each([
    ['half the size', half],
    ['JPEG quality 60', compressed],
    ['both', async (bytes: Buffer) => compressed(await half(bytes))],
    ['WebP', (bytes: Buffer) => sharp(bytes).webp({ quality: 70 }).toBuffer()],
    ['PNG', (bytes: Buffer) => sharp(bytes).png().toBuffer()],
    ['turned, with the turn noted in EXIF', (bytes: Buffer) => sharp(bytes).rotate(-90).withMetadata({ orientation: 6 }).jpeg().toBuffer()],
  ])('is near for a copy: %s', async (_, copyOf) => {
    for (const number of [1, 2, 3]) {
      const original = await photo(number)
      expect(isNear(await fingerprint(original), await fingerprint(await copyOf(original)))).toBe(true)
    }
  })

  test('is not near for different photos, mirrored ones, or pictures of one colour', async () => {
    const prints = await Promise.all(Array.from({ length: 60 }, async (_, number) => fingerprint(await photo(number))))
    const near = prints.flatMap((a, i) => prints.slice(i + 1).filter((b) => isNear(a, b)))
    expect(near).toEqual([])
    const mirrored = await fingerprint(
      await sharp(await photo(1))
        .flop()
        .jpeg()
        .toBuffer(),
    )
    expect(isNear(await fingerprint(await photo(1)), mirrored)).toBe(false)
    const flat = (value: number): Promise<Fingerprint> =>
      sharp({ create: { width: 30, height: 20, channels: 3, background: { r: value, g: value, b: value } } })
        .png()
        .toBuffer()
        .then(fingerprint)
    expect(isNear(await flat(100), await flat(100))).toBe(false)
  })

  test('survives the cache, which may hold anything', async () => {
    const print = await fingerprint(await photo(5))
    expect(decodeFingerprint(encodeFingerprint(print))).toEqual(print)
    expect([print.pixels, print.bytes]).toEqual([96 * 96, (await photo(5)).length])
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(decodeFingerprint(text)).toBeUndefined()
      }),
    )
    expect(decodeFingerprint(encodeFingerprint(print).slice(0, -8))).toBeUndefined()
  })
})

describe('nearGroups', () => {
  const GREYS = [0, 1].map((turn) => Uint8Array.from({ length: 256 }, (_, i) => (turn === 0 ? i : (i * 37) % 256)))
  const word = fc.integer({ min: 0, max: 0xffffffff })
  const prints = fc.array(
    fc.record({
      high: fc.oneof(word, fc.constantFrom(1, 3, 0x80000001)),
      low: fc.oneof(word, fc.constantFrom(0, 7)),
      look: fc.nat(1),
      flips: fc.array(fc.nat(63), { maxLength: 10 }),
    }),
    { maxLength: 40 },
  )

  test('are those that comparing each with each gives', () => {
    let joined = 0
    fc.assert(
      fc.property(prints, (list) => {
        const all = list.flatMap(({ high, low, look, flips }): Fingerprint[] => {
          const base = { high, low, grey: GREYS[look] ?? new Uint8Array(256), pixels: 1, bytes: 1 }
          const word = (from: number): number =>
            flips.filter((bit) => bit >= from && bit < from + 32).reduce((mask, bit) => mask ^ (1 << (bit - from)), 0)
          return [base, { ...base, high: (high ^ word(0)) >>> 0, low: (low ^ word(32)) >>> 0 }]
        })
        const groups = nearGroups(all)
        const direct = all.map((_, index) => index)
        const root = (index: number): number => (direct[index] === index ? index : root(direct[index] ?? 0))
        all.forEach((a, i) =>
          all.slice(0, i).forEach((b, j) => isNear(a, b) && (direct[Math.max(root(i), root(j))] = Math.min(root(i), root(j)))),
        )
        joined += all.filter((_, index) => root(index) !== index).length
        expect(all.map((_, index) => groups.find(index))).toEqual(all.map((_, index) => root(index)))
      }),
    )
    expect(joined).toBeGreaterThan(0)
  })

  test('of 20,000 photos take seconds, not minutes', () => {
    let state = 1
    const draw = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0)
    const many = Array.from({ length: 20_000 }, (): Fingerprint => ({
      high: draw(),
      low: draw(),
      grey: GREYS[0] ?? new Uint8Array(256),
      pixels: 1,
      bytes: 1,
    }))
    const twin = many[7]
    if (twin) many.push({ ...twin, low: (twin.low ^ 0x11) >>> 0 })
    expect(signDistance(many[7] ?? many[0]!, many[20_000]!)).toBe(2)
    // Comparing all pairs would take longer than a test may.
    expect(nearGroups(many).find(20_000)).toBe(7)
  })
})

describe('splitOf with copies of a training photo in the test folder', () => {
  async function leaking(): Promise<string> {
    const original = await photo(0)
    return drawn(
      [
        'train/cat/0.jpg',
        'train/dog/1.jpg',
        'train/cat/2.jpg',
        'train/dog/3.jpg',
        'validation/cat/4.jpg',
        'validation/dog/5.jpg',
        'test/cat/6.jpg',
        'test/dog/7.jpg',
      ],
      [
        ['test/cat/copy.jpg', original],
        ['test/cat/small.jpg', await half(original)],
        ['test/cat/compressed.jpg', await compressed(original)],
      ],
    )
  }

  test('reports and groups a copy, a resized copy and a re-encoded copy', async () => {
    const root = await leaking()
    const split = await splitOf(root)
    const at = (name: string): string => `"${root}/${name}"`
    expect(split.notes).toEqual([
      `In train and in test: 1 photo; the first is ${at('train/cat/0.jpg')} and ${at('test/cat/copy.jpg')}; the accuracy on test looks better than it is`,
      `In train and in test (smaller, larger or compressed again): 2 photos; the first is ${at('train/cat/0.jpg')} and ${at('test/cat/compressed.jpg')}; the accuracy on test looks better than it is`,
    ])
    expect(split.copies).toEqual([
      {
        kind: 'near',
        photos: ['train/cat/0.jpg', 'test/cat/compressed.jpg', 'test/cat/copy.jpg', 'test/cat/small.jpg'].map((name) => ({
          path: join(root, name),
          part: name.slice(0, name.indexOf('/')),
        })),
      },
    ])
    expect(split.test.size).toBe(5)
  })

  test('moves them to the training photos when asked, or stops', async () => {
    const root = await leaking()
    const split = await splitOf(root, { leaks: 'move' })
    expect([split.train.size, split.validation.size, split.test.size]).toEqual([7, 2, 2])
    expect(split.notes.join('\n')).toMatch(/moved to train/)
    await expect(splitOf(root, { leaks: 'error' })).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('3 photos of another part') as string,
    })
    await expect(splitOf(root, { leaks: 'ignore' as 'move' })).rejects.toMatchObject({ code: 'UNKNOWN_NAME' })
  })

  test('compares only bytes when asked', async () => {
    const split = await splitOf(await leaking(), { duplicates: 'exact' })
    expect(split.copies.map(({ kind, photos }) => [kind, photos.length])).toEqual([['exact', 2]])
  })

  test.each(['near', 'exact'] as const)('leaves damaged pictures out before anything learns: %s', async (duplicates) => {
    const cut = (await photo(50)).subarray(0, 300)
    const whole = ['cat/1.jpg', 'dog/1.jpg', 'cat/2.jpg', 'dog/2.jpg', 'cat/3.jpg', 'dog/3.jpg']
    const split = await splitOf(await drawn(whole, [['cat/cut.jpg', cut]]), { duplicates, validation: 0.3, test: 0 })
    expect(split.unusable.map(({ path }) => path)).toEqual([expect.stringMatching(/cut\.jpg$/)])
    expect(split.train.size + split.validation.size).toBe(6)
  })
})

describe('splitOf one folder with copies', () => {
  test('keeps them together for every seed, and adding smaller copies moves nothing', async () => {
    const root = await drawn(Array.from({ length: 16 }, (_, i) => `${i % 2 === 0 ? 'cat' : 'dog'}/${i}.jpg`))
    const hashCache = memoryHashCache()
    const seeds = [0, 1, 2, 3, 4, 5]
    const before = await Promise.all(seeds.map((seed) => splitOf(root, { seed, hashCache })))
    for (const [number, copyOf] of [half, compressed].entries()) {
      for (const i of [0, 3, 5])
        await writeFile(join(root, i % 2 === 0 ? 'cat' : 'dog', `copy-${number}-of-${i}.jpg`), await copyOf(await photo(i)))
    }
    const after = await Promise.all(seeds.map((seed) => splitOf(root, { seed, hashCache })))
    let parts = new Set<string | undefined>()
    for (const [at, split] of after.entries()) {
      for (const i of [0, 3, 5]) {
        const folder = i % 2 === 0 ? 'cat' : 'dog'
        const found = [`${i}.jpg`, `copy-0-of-${i}.jpg`, `copy-1-of-${i}.jpg`].map((name) => partOf(split, `${folder}/${name}`))
        expect(found).toEqual(found.map(() => partOf(before[at] ?? split, `${folder}/${i}.jpg`)))
        parts = parts.add(found[0])
      }
      expect(split.copies.map(({ kind, photos }) => [kind, photos.length])).toEqual([3, 3, 3].map((count) => ['near', count]))
      expect(split.notes.join()).toMatch(/resized or compressed again: 6 photos/)
    }
    expect(parts.size).toBeGreaterThan(1)
  })

  test('decodes each content once when fingerprints are kept', async () => {
    const root = await drawn(['cat/0.jpg', 'dog/1.jpg', 'cat/2.jpg', 'dog/3.jpg'], [['cat/again.jpg', await photo(0)]])
    const cache = memoryHashCache()
    const kept: string[] = []
    const hashCache = {
      get: (hash: string) => cache.get(hash),
      put: (hash: string, value: string) => (kept.push(hash), cache.put(hash, value)),
    }
    const first = await splitOf(root, { hashCache })
    expect([kept.length, new Set(kept).size]).toEqual([4, 4])
    const second = await splitOf(root, { hashCache })
    expect([kept.length, second.copies]).toEqual([4, first.copies])
  })

  test('lists pictures that cannot be decoded', async () => {
    const whole = await photo(0)
    const names = Array.from({ length: 10 }, (_, i) => `${i % 2 === 0 ? 'cat' : 'dog'}/${i}.jpg`)
    const root = await drawn(names, [['cat/cut.jpg', whole.subarray(0, whole.length / 2)]])
    const split = await splitOf(root)
    expect(split.unusable).toEqual([{ path: join(root, 'cat/cut.jpg'), reason: 'the file is truncated' }])
    expect(split.train.size + split.validation.size + split.test.size).toBe(10)
  })
})

test('real photos: copies are near, and of the flowers only the known pairs', async ({ skip }) => {
  const folder = new URL('../../../shared/data/photos/flowers/daisy/', import.meta.url)
  const { readdir } = await import('node:fs/promises')
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jpg'))
  if (files.length === 0) skip('needs ../shared/data/photos')
  const prints = await Promise.all(files.map(async (name) => fingerprint(await readFile(new URL(name, folder)))))
  const pairs = prints.flatMap((a, i) => prints.flatMap((b, j) => (j > i && isNear(a, b) ? [`${files[i] ?? ''} ${files[j] ?? ''}`] : [])))
  expect(pairs).toEqual(['10466290366_cc72e33532.jpg 10994032453_ac7f8d9e2e.jpg', '10993710036_2033222c91.jpg 10993818044_4c19b86c82.jpg'])
  const original = await readFile(new URL(files[0] ?? '', folder))
  expect(isNear(await fingerprint(original), await fingerprint(await compressed(await sharp(original).resize(200).toBuffer())))).toBe(true)
})
