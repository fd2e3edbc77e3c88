/** @file Tests of photos read through a view, and of the eight EXIF turns, which give one tensor. */
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { load, randomCrop, randomFlip, randomRotation, augment, viewsOf } from '../image/index.ts'
import { folderOf, temporaryFolder } from './folders.cases.ts'
import { imageFolder } from './image-folder.ts'
import { splitOf } from './split.ts'

const HOW = { size: [6, 6], preprocessing: 'tf' } as const
const TURN = augment([randomFlip({ mode: 'horizontal' }), randomRotation({ factor: 0.5 })])
const TURNS = [1, 2, 3, 4, 5, 6, 7, 8]

/** The picture as it lies in a file whose EXIF orientation is `turn`: the inverse of what viewers do with it. */
async function stored(upright: Buffer, turn: number): Promise<Buffer> {
  const degrees: Readonly<Record<number, number>> = { 3: 180, 5: 90, 6: -90, 7: -90, 8: 90 }
  const turned = await sharp(upright)
    .rotate(degrees[turn] ?? 0)
    .png()
    .toBuffer()
  const isMirrored = turn === 2 || turn === 5 || turn === 7
  // In a pass of its own: in one pass sharp mirrors before it turns.
  const mirrored = await sharp(turned)
    .flop(isMirrored)
    .flip(turn === 4)
    .png()
    .toBuffer()
  return sharp(mirrored).withMetadata({ orientation: turn }).png().toBuffer()
}

async function upright(): Promise<Buffer> {
  const data = Buffer.from(Array.from({ length: 12 * 8 * 3 }, (_, i) => (i * 37 + Math.floor(i / 7) * 31) % 256))
  return sharp(data, { raw: { width: 12, height: 8, channels: 3 } })
    .png()
    .toBuffer()
}

describe('the eight EXIF turns of one picture', () => {
  test('give the same tensor, at its own size and resized', async () => {
    const bytes = await upright()
    for (const options of [{}, { targetSize: [5, 9], interpolation: 'bilinear' }, { targetSize: [30, 20] }] as const) {
      const wanted = await load(bytes, options)
      for (const turn of TURNS) expect([turn, await load(await stored(bytes, turn), options)]).toEqual([turn, wanted])
      expect(await load(await stored(bytes, 6), { ...options, exif: 'ignore' })).not.toEqual(wanted)
    }
  })

  test('are one photo to a split', async () => {
    const bytes = await sharp(await upright())
      .resize(96, 64)
      .png()
      .toBuffer()
    const turns = await Promise.all(TURNS.map(async (turn) => [`a/turn${turn}.png`, await stored(bytes, turn)] as const))
    const split = await splitOf(await folderOf(['a/x.jpg', 'a/y.jpg', 'a/z.jpg', 'b/1.jpg', 'b/2.jpg', 'b/3.jpg', 'b/4.jpg', ...turns]))
    expect(split.copies.map(({ photos }) => [photos.length, new Set(photos.map(({ part }) => part)).size])).toEqual([[8, 1]])
  })
})

describe('reading through a view', () => {
  test('changes the picture by its content alone, before it is preprocessed', async () => {
    const root = await temporaryFolder()
    for (const name of ['a', 'b']) await mkdir(join(root, name))
    await writeFile(join(root, 'a/1.png'), await upright())
    await copyFile(join(root, 'a/1.png'), join(root, 'b/1.png'))
    const dataset = await imageFolder(root).open()
    const views = viewsOf(TURN, { views: 3 })
    const seen = await Promise.all(views.map((view) => dataset.read(0, { ...HOW, view })))
    expect(new Set([...seen, await dataset.read(0, HOW)].map(({ data }) => data.join())).size).toBe(4)
    for (const [index, view] of views.entries()) expect(await dataset.read(1, { ...HOW, view })).toEqual(seen[index])
    for (const { data, shape } of seen) expect([shape, data.every((value) => value >= -1 && value <= 1)]).toEqual([[6, 6, 3], true])
    await rename(join(root, 'a/1.png'), join(root, 'a/2.png'))
    const again = await imageFolder(root).open()
    expect(await again.read(0, { ...HOW, view: views[1]! })).toEqual(seen[1])
  })

  test('crops from a larger reading, and says when a crop does not fit', async () => {
    const root = await folderOf([['a/1.png', await upright()], 'b/1.jpg'])
    const dataset = await imageFolder(root).open()
    const [view] = viewsOf(randomCrop({ height: 6, width: 6 }), { views: 1, readSize: [8, 8] })
    expect((await dataset.read(0, { ...HOW, view: view! })).shape).toEqual([6, 6, 3])
    await expect(dataset.read(0, { ...HOW, size: [7, 7], view: view! })).rejects.toMatchObject({ code: 'SHAPE' })
  })
})
