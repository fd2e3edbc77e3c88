/** @file Tests of the split: a partition that follows content alone, and the folder layouts that it recognises. */
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignParts, splitKey } from './assign.ts'
import { countClasses } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { folderOf, jpeg, numbered } from './folders.cases.ts'
import { imageFolder } from './image-folder.ts'
import { layoutOf } from './layout.ts'
import type { Part } from './layout.ts'
import { splitOf } from './split.ts'

const FRACTIONS = { train: 0.7, validation: 0.15, test: 0.15 }

/** Contents are small numbers, so that equal ones are common. */
const photos = fc.array(fc.record({ label: fc.nat(2), content: fc.nat(60) }), { maxLength: 120 })

interface Photo {
  readonly label: number
  readonly content: number
}

function assign(list: readonly Photo[], seed: number, fractions = FRACTIONS): readonly Part[] {
  const dataset = {
    labels: Int32Array.from(list, ({ label }) => label),
    classNames: ['a', 'b', 'c'],
    describe: (index: number) => `photo ${index}`,
  }
  return assignParts({ dataset, hashes: list.map(({ content }) => `content ${content}`) }, { fractions, seed }).parts
}

/** Where a photo's own place puts it, without regard to small classes. */
function natural({ content }: Photo, seed: number): Part {
  const place = parseInt(splitKey(seed, `content ${content}`).slice(0, 13), 16) / 2 ** 52
  return place < 0.15 ? 'test' : place < 0.3 ? 'validation' : 'train'
}

describe('assignParts', () => {
  test('puts no content into two parts and every photo into one', () => {
    fc.assert(
      fc.property(photos, fc.integer(), (list, seed) => {
        const parts = assign(list, seed)
        expect(parts.length).toBe(list.length)
        const partOf = new Map<number, Part>()
        list.forEach(({ content }, index) => {
          const part = parts[index] ?? 'train'
          expect(partOf.get(content) ?? part).toBe(part)
          partOf.set(content, part)
        })
      }),
    )
  })

  test('leaves each part one photo of a class with three different ones', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 12 }), fc.integer(), (contents, seed) => {
        const parts = assign(
          contents.map((content) => ({ label: 0, content })),
          seed,
        )
        const expected =
          contents.length === 1 ? ['train'] : contents.length === 2 ? ['train', 'validation'] : ['test', 'train', 'validation']
        expect([...new Set(parts)].sort()).toEqual(expected)
      }),
    )
  })

  test('moves no photo when photos are added to a class that fills its parts by itself', () => {
    // Content k belongs to class k mod 3, so that no content changes its class.
    const contents = fc.uniqueArray(fc.nat(400), { maxLength: 100 })
    const pictures = (list: readonly number[]): Photo[] => list.map((content) => ({ label: content % 3, content }))
    let filled = 0
    fc.assert(
      fc.property(contents, contents, fc.integer(), (first, added, seed) => {
        const list = pictures(first)
        const before = assign(list, seed)
        const after = assign([...pictures(added), ...list], seed).slice(added.length)
        list.forEach((photo, index) => {
          const places = list.filter(({ label }) => label === photo.label).map((other) => natural(other, seed))
          if (new Set(places).size < 3) return
          filled++
          expect([before[index], after[index]]).toEqual([natural(photo, seed), natural(photo, seed)])
        })
      }),
      { numRuns: 300 },
    )
    expect(filled).toBeGreaterThan(0)
  })

  test('places photos of large classes by their content and the seed alone', () => {
    const list = Array.from({ length: 900 }, (_, content) => ({ label: content % 3, content }))
    const parts = assign(list, 5)
    expect(parts).toEqual(list.map((photo) => natural(photo, 5)))
    expect(assign([...list].reverse(), 5)).toEqual([...parts].reverse())
    const share = (part: Part): number => parts.filter((found) => found === part).length / 900
    expect(Math.abs(share('test') - 0.15)).toBeLessThan(0.04)
    expect(Math.abs(share('validation') - 0.15)).toBeLessThan(0.04)
    expect(assign(list, 6)).not.toEqual(parts)
  })

  test('makes no part of share 0', () => {
    const list = Array.from({ length: 40 }, (_, content) => ({ label: 0, content }))
    expect(new Set(assign(list, 0, { train: 0.8, validation: 0.2, test: 0 }))).toEqual(new Set(['train', 'validation']))
  })
})

function files(dataset: Dataset): string[] {
  return Array.from(dataset.labels, (_, index) => dataset.describe(index))
}

describe('splitOf a flat folder', () => {
  test('is a partition that renaming does not change', async () => {
    const root = await folderOf([...numbered('cat', 12), ...numbered('dog', 9)])
    const first = await splitOf(root, { seed: 3 })
    expect([first.layout, first.classNames, first.notes, first.unusable]).toEqual(['flat', ['cat', 'dog'], [], []])
    const all = [first.train, first.validation, first.test].flatMap(files)
    expect(all.sort()).toEqual(files(await imageFolder(root).open()).sort())
    for (const part of [first.train, first.validation, first.test]) expect(Math.min(...countClasses(part))).toBeGreaterThan(0)
    await rename(join(root, 'cat/p.0.jpg'), join(root, 'cat/zzz.jpg'))
    const second = await splitOf(imageFolder(root), { seed: 3 })
    expect(files(second.test).sort()).toEqual(
      files(first.test)
        .map((path) => path.replace('cat/p.0.jpg', 'cat/zzz.jpg'))
        .sort(),
    )
  })

  test('keeps copies together, says so, and names photos in two classes', async () => {
    const same = await jpeg(500)
    const root = await folderOf([
      ...numbered('cat', 5),
      ...numbered('dog', 5),
      ['cat/copy.jpg', same],
      ['cat/copy2.jpg', same],
      ['dog/copy.jpg', same],
    ])
    const split = await splitOf(root)
    const holding = [split.train, split.validation, split.test].filter((part) => files(part).some((path) => path.includes('copy')))
    expect(holding.length).toBe(1)
    expect(split.notes).toEqual([
      'Byte for byte the same as another one: 2 photos; copies stay in the same part',
      `In two classes at once: 1 photo; the first is "${root}/cat/copy.jpg" and "${root}/dog/copy.jpg"`,
    ])
  })

  test('refuses a class without a photo of its own, and shares that do not add up', async () => {
    const cats = await folderOf([...numbered('cat', 5), 'dog/1.jpg'])
    const tested = (await splitOf(cats)).test.file?.(0) ?? ''
    const root = await folderOf([...numbered('cat', 5), ['dog/1.jpg', await readFile(tested)]])
    await expect(splitOf(root)).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('class "dog" is also in another class') as string,
    })
    await expect(splitOf(root, { train: 0.9 })).rejects.toMatchObject({ code: 'USAGE' })
    await expect(splitOf(root, { validation: 0.6, test: 0.4 })).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('splitOf a folder with parts', () => {
  test.each([
    ['train', 'validation', 'test'],
    ['train', 'val', 'test'],
    ['Train', 'valid', 'Test'],
  ])('%s, %s, %s', async (train, validation, testing) => {
    const root = await folderOf(
      [train, validation, testing].flatMap((part) => ['cat', 'dog'].flatMap((name) => numbered(`${part}/${name}`, 2))),
    )
    const split = await splitOf(root)
    expect([split.layout, split.train.size, split.validation.size, split.test.size]).toEqual(['split', 4, 4, 4])
    expect(files(split.validation)[0]).toBe(`${root}/${validation}/cat/p.0.jpg`)
  })

  test('takes validation from train where there is none, and reports leaks', async () => {
    const leaked = await jpeg(1)
    const root = await folderOf([
      ...numbered('train/cat', 8),
      ...numbered('train/dog', 8),
      ['train/dog/leak.jpg', leaked],
      ['test/dog/leak.jpg', leaked],
      'test/cat/1.jpg',
    ])
    const split = await splitOf(root, { seed: 1 })
    expect([split.layout, split.train.size + split.validation.size, split.test.size]).toEqual(['split', 17, 2])
    expect(Math.min(...countClasses(split.validation))).toBeGreaterThan(0)
    expect(split.notes.join('\n')).toMatch(/In train and in test: 1 photo;[^]*There is no validation folder: \d+ photos of the 17 in train/)
  })

  test('has an empty test part where there is none', async () => {
    const root = await folderOf(['train', 'val'].flatMap((part) => [`${part}/cat/1.jpg`, `${part}/dog/1.jpg`]))
    const split = await splitOf(root)
    expect([split.test.size, split.test.classNames]).toEqual([0, ['cat', 'dog']])
    expect(split.notes.join()).toContain('There is no test folder')
  })

  test('names classes that differ', async () => {
    const root = await folderOf(['train/cat/1.jpg', 'train/dog/1.jpg', 'val/cat/1.jpg', 'val/emu/1.jpg'])
    await expect(splitOf(root)).rejects.toMatchObject({
      code: 'DATA',
      message: `Cannot use "${root}": train and validation differ in their classes: only train has "dog"; only validation has "emu"`,
    })
  })

  test('refuses two folders for one part', async () => {
    const root = await folderOf(['train/cat/1.jpg', 'val/cat/1.jpg', 'valid/cat/1.jpg'])
    await expect(splitOf(root)).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('found both "val" and "valid"') as string,
    })
  })

  test('a class called train stays a class', async () => {
    expect((await layoutOf(await folderOf(['train/1.jpg', 'test/1.jpg', 'plane/1.jpg']))).kind).toBe('flat')
    expect((await layoutOf(await folderOf(['train/steam/1.jpg', 'plane/1.jpg']))).kind).toBe('flat')
    expect((await layoutOf(await folderOf(['train/cat/1.jpg', 'train/dog/1.jpg']))).kind).toBe('split')
  })
})
