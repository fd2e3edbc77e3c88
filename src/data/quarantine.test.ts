/** @file Tests of unusable pictures: named with their reason, dropped from labels, size and order, and refused when they are many. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allIndices, readOptionsFor, subset, withoutSamples } from './dataset.ts'
import { folderOf } from './folders.cases.ts'
import { imageFolder } from './image-folder.ts'
import { memoryDataset } from './memory.cases.ts'
import { probe, quarantine } from './quarantine.ts'

const HOW = { size: [1, 1], preprocessing: 'none' } as const

describe('quarantine', () => {
  test('drops what probe found, consistently', async () => {
    const dataset = memoryDataset([0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2], [1, 4])
    const failures = await probe(dataset, HOW)
    const { dataset: kept, unusable } = quarantine(dataset, failures)
    expect(unusable).toEqual([
      { path: 'sample 1', reason: 'the file is truncated' },
      { path: 'sample 4', reason: 'the file is truncated' },
    ])
    expect([kept.size, [...kept.labels]]).toEqual([9, [0, 0, 1, 1, 2, 2, 2, 2, 2]])
    expect([kept.describe(1), [...(await kept.read(1, HOW)).data]]).toEqual(['sample 2', [2]])
    expect(await probe(kept, HOW)).toEqual([])
  })

  test('stops above the share, not at it', async () => {
    const at = memoryDataset([0, 0, 0, 1, 1], [0])
    expect(quarantine(at, await probe(at, HOW)).dataset.size).toBe(4)
    const above = memoryDataset([0, 0, 0, 1], [0])
    const failures = await probe(above, HOW)
    expect(() => quarantine(above, failures)).toThrow(
      '1 of 4 pictures are unusable, at most 20 % are accepted; the first is "sample 0" (the file is truncated)',
    )
    expect(quarantine(above, failures, { maxUnusable: 0.25 }).dataset.size).toBe(3)
  })

  test('stops when a class loses all its pictures', async () => {
    const dataset = memoryDataset([0, 0, 0, 0, 0, 0, 1], [6])
    const failures = await probe(dataset, HOW)
    expect(() => quarantine(dataset, failures)).toThrow('class "class 1" has no usable picture')
  })

  test('lists damaged pictures of a folder and reads the odd ones', async () => {
    const golden = new URL('../../test/golden/odd-images/', import.meta.url)
    const file = (name: string): [string, Buffer] => [`cat/${name}`, readFileSync(new URL(name, golden))]
    const root = await folderOf([
      ...['empty.jpg', 'header_only.jpg', 'text.png', 'truncated.jpg', 'cmyk.jpg', 'grey16.png', 'png_named.jpg', 'picture.bmp'].map(file),
      'dog/1.jpg',
    ])
    const dataset = await imageFolder(root).open()
    const failures = await probe(dataset, { size: [8, 8], preprocessing: 'tf' })
    expect(failures.map(({ id }) => id)).toEqual(
      ['empty.jpg', 'header_only.jpg', 'text.png', 'truncated.jpg'].map((name) => join(root, 'cat', name)),
    )
    expect(failures.map(({ reason }) => reason)).not.toContain('')
    expect(failures.some(({ reason }) => reason.includes('Cannot'))).toBe(false)
  })
})

describe('views', () => {
  test('subset of a subset reads the original samples', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(19), { maxLength: 20 }), fc.array(fc.nat(19), { maxLength: 10 }), async (first, second) => {
        const dataset = memoryDataset(allIndices(20).map((index) => index % 3))
        const view = subset(dataset, first)
        const picks = second.filter((index) => index < view.size)
        const inner = subset(view, picks)
        for (const [place, pick] of picks.entries()) {
          expect((await inner.read(place, HOW)).data[0]).toBe(first[pick])
          expect(inner.labels[place]).toBe((first[pick] ?? 0) % 3)
        }
      }),
    )
  })

  test('keep files and hashes where the dataset has them', async () => {
    const dataset = await imageFolder(await folderOf(['a/1.jpg', 'b/1.jpg', 'b/2.jpg'])).open()
    const view = withoutSamples(dataset, [1])
    expect(view.file?.(1)).toEqual(dataset.file(2))
    expect(await view.hash?.(1)).toBe(await dataset.hash(2))
    expect('hash' in subset(memoryDataset([0]), [0])).toBe(false)
    expect(() => subset(dataset, [3])).toThrow(/has 3 samples/)
    await expect(view.read(2, HOW)).rejects.toThrow(/has 2 samples/)
  })

  test('readOptionsFor prefers what the dataset asks for', async () => {
    const dataset = await imageFolder(await folderOf(['a/1.jpg', 'b/1.jpg']), { targetSize: [7, 9] }).open()
    expect(readOptionsFor(dataset, { size: [224, 224], preprocessing: 'tf', interpolation: 'bilinear' })).toEqual({
      size: [7, 9],
      preprocessing: 'tf',
      interpolation: 'nearest',
      exif: 'apply',
    })
    expect(readOptionsFor(memoryDataset([0]), HOW)).toEqual(HOW)
  })
})
