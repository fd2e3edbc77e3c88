/** @file Tests of what prepare looks after: copies in one part, damaged pictures left out, labels from a table. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { drawAnimal } from '../image/index.ts'
import { folderOf, temporaryFolder } from './folders.cases.ts'
import { PARTS } from './layout.ts'
import type { Part } from './layout.ts'
import { prepare } from './prepare.ts'
import { countOf, fillParts, isFull, shareOut } from './prepare-parts.ts'
import { splitOf } from './split.ts'

type Files = Parameters<typeof folderOf>[0]

const drawn = async (number: number): Promise<Buffer> => Buffer.from(await drawAnimal(number % 2 === 0 ? 'cat' : 'dog', number, 96))

/** Four photos of each class with copies in every way, and damaged ones. */
async function mixed(): Promise<Files> {
  const photos = await Promise.all(Array.from({ length: 8 }, async (_, number) => drawn(number)))
  const [first = Buffer.alloc(0), second = first, third = first] = photos
  return [
    ...photos.map((bytes, number) => [`${number < 4 ? 'cat' : 'dog'}/${number}.jpg`, bytes] as const),
    ['cat/9-copy.jpg', first],
    ['cat/9-small.jpg', await sharp(second).resize(48).jpeg().toBuffer()],
    ['cat/9-cut.jpg', first.subarray(0, 900)],
    ['cat/9-empty.jpg', ''],
    ['dog/9-both.jpg', third],
  ]
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jpg')).sort()
}

describe('prepare', () => {
  test.each([
    ['shares', {}, 11],
    ['counts', { train: 2, validation: 1, test: 1 }, 8],
  ])('keeps copies in one part and leaves damaged pictures out: %s', async (_, how, files) => {
    const out = join(await temporaryFolder(), 'out')
    const source = await folderOf(await mixed())
    const { notes, unusable, counts } = await prepare(source, out, { ...how, duplicates: 'near' })
    expect(unusable.map(({ path }) => path.slice(source.length + 1)).sort()).toEqual(['cat/9-cut.jpg', 'cat/9-empty.jpg'])
    expect(notes.join('\n')).toMatch(/Left out: 2 pictures that cannot be used; the first is ".*9-cut\.jpg", /)
    expect(notes.join('\n')).toMatch(/In two classes at once: 1 photo; the first is ".*2\.jpg" and ".*9-both\.jpg"/)
    expect((await filesIn(out)).length).toBe(files)
    const split = await splitOf(out, { leaks: 'error' })
    expect(split.unusable).toEqual([])
    for (const part of PARTS) expect(split[part].size).toBe([...counts[part].values()].reduce((sum, count) => sum + count))
  })

  test('takes photos further back in the place of damaged ones', async () => {
    const damaged = Array.from({ length: 40 }, (_, number) => [`cat.${number}.jpg`, `damaged ${number}`] as const)
    const good = ['cat', 'dog'].flatMap((name) => [50, 51, 52].map((number) => `${name}.${number}.jpg`))
    const out = join(await temporaryFolder(), 'out')
    const source = await folderOf([...damaged, ...good])
    const { unusable } = await prepare(source, out, { train: 1, validation: 1, test: 1 })
    expect([unusable.length, (await filesIn(out)).length]).toEqual([40, 6])
    await expect(prepare(source, `${out}-2`, { train: 2, validation: 1, test: 1 })).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringMatching(/class "dog" has 3 photos, expected at least 4/) as string,
    })
  })

  test('compares bytes alone, or looks when asked', async () => {
    const photo = await drawn(1)
    const small = await sharp(photo).resize(48).jpeg().toBuffer()
    const source = await folderOf(['cat/1.jpg', 'cat/2.jpg', 'cat/3.jpg', ['dog/1.jpg', photo], ['dog/2.jpg', small], 'dog/3.jpg'])
    const out = join(await temporaryFolder(), 'out')
    await expect(prepare(source, out, { duplicates: 'near' })).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringMatching(/class "dog" has 3 photos, expected at least 3 that are different/) as string,
    })
    expect(existsSync(out)).toBe(false)
    expect((await prepare(source, out)).counts.test.get('dog')).toBe(1)
  })

  test('takes the labels of a table, in the folder or named, also where OUT lies inside', async () => {
    const rows = [1, 2, 3].map((i) => `${i}.jpg,Katze\nin/${i}.jpg,"Hund, groß"`).join('\n')
    const files = [1, 2, 3].flatMap((i) => [`${i}.jpg`, `in/${i}.jpg`])
    const source = await folderOf([...files, ['labels.csv', `file,label\n${rows}\n`]])
    for (const given of [source, join(source, 'labels.csv')]) {
      const out = join(source, given === source ? 'a' : 'b')
      for (const isUnchanged of [false, true]) {
        expect(await prepare(given, out)).toMatchObject({ classNames: ['Hund, groß', 'Katze'], isUnchanged })
        expect(await filesIn(join(out, 'train'))).toEqual(['Hund, groß/1.jpg', 'Katze/1.jpg'])
      }
    }
  })

  test('refuses labels that name no folder, and a table beside parts', async () => {
    const rows = [1, 2, 3].map((i) => `${i}.jpg,a/b\n1${i}.jpg,b`).join('\n')
    const source = await folderOf([...[1, 2, 3, 11, 12, 13].map((i) => `${i}.jpg`), ['labels.csv', `file,label\n${rows}\n`]])
    const message = expect.stringMatching(/the label "a\/b" cannot be the name of a folder/) as string
    await expect(prepare(source, join(source, 'out'))).rejects.toMatchObject({ code: 'DATA', message })
    const split = await folderOf(['train/a/1.jpg', 'test/a/1.jpg', ['labels.csv', 'file,label\ntrain/a/1.jpg,a\n']])
    const already = expect.stringMatching(/already has train/) as string
    await expect(prepare(split, join(split, 'out'))).rejects.toMatchObject({ code: 'DATA', message: already })
  })
})

describe('parts of a class', () => {
  const keys = fc.array(fc.nat(30).map(String), { maxLength: 60 })
  const taken = fc.uniqueArray(fc.tuple(fc.nat(30).map(String), fc.constantFrom(...PARTS)), { selector: ([key]) => key, maxLength: 6 })
  const wanted = fc.record({ train: fc.nat(20), validation: fc.nat(10), test: fc.nat(10) })

  function expectWhole(units: readonly string[], parts: readonly (Part | undefined)[], before: ReadonlyMap<string, Part>): void {
    const places = new Map(before)
    parts.forEach((part, index) => {
      if (part) expect(places.get(units[index] ?? '') ?? part).toBe(part)
      if (part) places.set(units[index] ?? '', part)
    })
  }

  test('never have a unit in two of them, nor more photos than asked for', () => {
    fc.assert(
      fc.property(keys, taken, wanted, (units, before, counts) => {
        const parts = fillParts({ keys: units, taken: new Map(before) }, counts)
        expectWhole(units, parts, new Map(before))
        for (const part of PARTS) expect(countOf(parts, part)).toBeLessThanOrEqual(counts[part])
        const shared = shareOut({ keys: units, taken: new Map(before) })
        if (shared) expectWhole(units, shared, new Map(before))
        if (shared) expect(shared).not.toContain(undefined)
      }),
    )
  })

  test.each<readonly [string, string]>([
    ['abcd', 'ttve'],
    ['abacd', 'ttt'],
    ['abbcd', 'tvvte'],
    ['abcdd', 'ttve-'],
    ['aabb', 'tt'],
  ])('of %s are in order, copies beside their first', (units, expected) => {
    const counts = { abcd: [2, 1, 1], abacd: [3, 0, 0], abbcd: [2, 2, 1], abcdd: [2, 1, 1], aabb: [2, 0, 0] }[units] ?? []
    const [train = 0, validation = 0, test = 0] = counts
    const parts = fillParts({ keys: [...units], taken: new Map() }, { train, validation, test })
    expect(isFull(parts, { train, validation, test })).toBe(true)
    const letters = parts.map((part) => (part === undefined ? '-' : { train: 't', validation: 'v', test: 'e' }[part])).join('')
    expect(letters).toBe(expected.padEnd(units.length, '-'))
  })

  test('puts large units first where that fills the parts and their order does not', () => {
    const wants = { train: 2, validation: 1, test: 1 }
    expect(fillParts({ keys: [...'bcaa'], taken: new Map() }, wants)).toEqual(['validation', 'test', 'train', 'train'])
  })
})
