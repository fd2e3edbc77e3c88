/** @file Tests of stored splits: the same photos in the same parts, or an error that says what changed. */
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { folderOf, jpeg, numbered } from './folders.cases.ts'
import { describeSplit, splitFrom } from './split-file.ts'
import type { SplitDescription } from './split-file.ts'
import { splitOf } from './split.ts'

const HOW = { size: [3, 5], preprocessing: 'none' } as const

async function stored(): Promise<{ root: string; json: SplitDescription }> {
  const root = await folderOf([...numbered('cat', 8), ...numbered('dog', 8), 'dog/émigré "x".jpg'])
  return { root, json: JSON.parse(JSON.stringify(await describeSplit(await splitOf(root, { seed: 2 })))) as SplitDescription }
}

describe('splitFrom', () => {
  test('gives back what describeSplit described', async () => {
    const { root, json } = await stored()
    const split = await splitFrom(json, root)
    expect(await describeSplit(split)).toEqual(json)
    expect(json.photos.length).toBe(17)
    expect(json.photos.map(({ file }) => file)).toContain('dog/émigré "x".jpg')
    expect((await split.train.read(0, HOW)).shape).toEqual([3, 5, 3])
  })

  test('follows the folder to another place, and verifies only the parts that are wanted', async () => {
    const { root, json } = await stored()
    await rename(root, `${root}-moved`)
    const trained = json.photos.find(({ part }) => part === 'train')?.file ?? ''
    await rm(join(`${root}-moved`, trained))
    const seen: number[] = []
    const split = await splitFrom(json, `${root}-moved`, { parts: ['test'], onProgress: (done) => seen.push(done) })
    expect([split.train.size, split.test.size, seen.length]).toEqual([
      0,
      seen.length,
      json.photos.filter(({ part }) => part === 'test').length,
    ])
    await expect(splitFrom(json, `${root}-moved`)).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining(`missing: 1 photo, such as "${trained}"`) as string,
    })
    await rm(`${root}-moved`, { recursive: true })
  })

  test('takes a table for the folder that it lies in', async () => {
    const { root, json } = await stored()
    expect(await describeSplit(await splitFrom(json, join(root, 'labels.csv')))).toEqual(json)
  })

  test('refuses a photo that changed', async () => {
    const { root, json } = await stored()
    await writeFile(join(root, 'cat/p.3.jpg'), await jpeg(999))
    await expect(splitFrom(json, root)).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('changed since the split was made: 1 photo, such as "cat/p.3.jpg"') as string,
    })
  })

  test.each([
    '../secret.jpg',
    '/etc/passwd',
    'cat/../../secret.jpg',
    'a\0b',
    'link.jpg',
    `base64:${Buffer.from('../secret.jpg').toString('base64')}`,
  ])('refuses %j', async (file) => {
    const { root, json } = await stored()
    const inner = join(root, 'inner')
    await mkdir(inner)
    await writeFile(join(root, 'secret.jpg'), await jpeg(1))
    await symlink(join(root, 'secret.jpg'), join(inner, 'link.jpg'))
    const photo = { ...json.photos[0], file }
    await expect(splitFrom({ ...json, photos: [photo] }, inner)).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('lies outside the folder') as string,
      ...(file === 'link.jpg' && { hint: expect.stringContaining('--follow-links') as string }),
    })
  })

  test('refuses what is not a split', async () => {
    const { root, json } = await stored()
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        await expect(splitFrom(value, root)).rejects.toMatchObject({ code: 'FORMAT' })
      }),
    )
    await expect(splitFrom({ ...json, format: 2 }, root)).rejects.toMatchObject({
      code: 'FORMAT',
      message: expect.stringContaining('"format"') as string,
    })
    await expect(splitFrom({ ...json, classNames: ['cat'] }, root)).rejects.toMatchObject({ code: 'FORMAT' })
  })

  test.skipIf(process.platform !== 'linux')('keeps names that are not text', async () => {
    const root = await folderOf([...numbered('cat', 4), ...numbered('dog', 4)])
    await writeFile(Buffer.concat([Buffer.from(`${root}/cat/`), Buffer.from([0xff, 0x2e, 0x6a, 0x70, 0x67])]), await jpeg(77))
    const json = await describeSplit(await splitOf(root))
    expect(json.photos.filter(({ file }) => file.startsWith('base64:')).length).toBe(1)
    expect(await describeSplit(await splitFrom(JSON.parse(JSON.stringify(json)), root))).toEqual(json)
  })
})
