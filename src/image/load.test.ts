/** @file The public door: files, turns, sizes and settings. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { imgToArray, load, loadPixels, type LoadOptions } from './load.ts'
import { resize } from './resize.ts'

const picture = (name: string): string => fileURLToPath(new URL(`../../test/golden/odd-images/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rootstock-image-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('load', () => {
  it('gives height, width and three channels from 0 to 255', async () => {
    const photo = await load(picture('plain.jpg'))
    expect(photo.shape).toEqual([48, 64, 3])
    expect([...photo.data.subarray(0, 6)]).toEqual([0, 1, 0, 3, 5, 0])
    expect(Math.max(...photo.data)).toBeLessThanOrEqual(255)
  })

  it('reads bytes as it reads files', async () => {
    expect(await load(readFileSync(picture('plain.jpg')))).toEqual(await load(picture('plain.jpg')))
  })

  it('turns by EXIF unless told to ignore it, before it resizes', async () => {
    expect((await load(picture('exif6.jpg'))).shape).toEqual([64, 48, 3])
    expect((await load(picture('exif6.jpg'), { exif: 'ignore' })).shape).toEqual([48, 64, 3])
    const turned = await loadPixels(picture('exif6.jpg'))
    expect(await loadPixels(picture('exif6.jpg'), { targetSize: [20, 30], interpolation: 'bilinear' })).toEqual(
      resize(turned, [20, 30], { interpolation: 'bilinear' }),
    )
  })

  it('uses nearest and distorts by default, as Keras', async () => {
    const own = await loadPixels(picture('plain.jpg'))
    expect(await load(picture('plain.jpg'), { targetSize: [20, 20] })).toEqual(imgToArray(resize(own, [20, 20])))
    const cropped = await load(picture('plain.jpg'), { targetSize: [20, 20], keepAspectRatio: true })
    expect(cropped).toEqual(imgToArray(resize(own, [20, 20], { keepAspectRatio: true })))
    expect(cropped).not.toEqual(imgToArray(resize(own, [20, 20])))
  })

  it('gives one channel for grayscale', async () => {
    const grey = await load(picture('plain.jpg'), { colorMode: 'grayscale', targetSize: [10, 12] })
    expect(grey.shape).toEqual([10, 12, 1])
    expect(grey.data.length).toBe(120)
  })

  it('gives the same answers when many run at once', async () => {
    const alone = await load(picture('plain.jpg'), { targetSize: [33, 21], interpolation: 'lanczos' })
    const many = await Promise.all(
      Array.from({ length: 16 }, () => load(picture('plain.jpg'), { targetSize: [33, 21], interpolation: 'lanczos' })),
    )
    for (const one of many) expect(one).toEqual(alone)
  })

  const settings: [string, object, string][] = [
    ['interpolation', { interpolation: 'bicubik' }, 'UNKNOWN_NAME'],
    ['exif', { exif: 'yes' }, 'UNKNOWN_NAME'],
    ['colorMode', { colorMode: 'rgba' }, 'UNKNOWN_NAME'],
    ['one number', { targetSize: 224 }, 'USAGE'],
    ['options that are a list', [224, 224], 'USAGE'],
    ['a short size', { targetSize: [224] }, 'USAGE'],
    ['size 0', { targetSize: [0, 224] }, 'USAGE'],
    ['half a pixel', { targetSize: [224.5, 224] }, 'USAGE'],
    ['NaN', { targetSize: [NaN, 224] }, 'USAGE'],
    ['a giant size', { targetSize: [16000, 16000] }, 'USAGE'],
  ]
  it.each(settings)('refuses wrong settings: %s', async (_, options, code) => {
    await expect(load(picture('plain.jpg'), options as LoadOptions)).rejects.toMatchObject({ code })
  })
})

it.each([undefined, null, 5, [1, 2], new ArrayBuffer(8), new URL('file:///cat.jpg')])('load refuses %s as a source', async (source) => {
  await expect(load(source as unknown as string)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('expected a path or the bytes of a file') as string,
  })
})

describe('load of what is no ordinary file', () => {
  it('names a missing file', async () => {
    const path = join(folder, 'none.jpg')
    await expect(load(path)).rejects.toMatchObject({ code: 'IMAGE', message: `Cannot read ${path}: it does not exist (ENOENT)` })
  })

  it('refuses a folder and a device', async () => {
    await expect(load(folder)).rejects.toMatchObject({ code: 'IMAGE', message: expect.stringContaining('it is a folder') as string })
    await expect(load('/dev/zero')).rejects.toMatchObject({
      code: 'IMAGE',
      message: expect.stringContaining('not an ordinary file') as string,
    })
  })

  it('refuses a pipe without waiting for a writer', async () => {
    const path = join(folder, 'pipe.jpg')
    execFileSync('mkfifo', [path])
    await expect(load(path)).rejects.toMatchObject({ code: 'IMAGE', message: `Cannot read ${path}: it is not an ordinary file` })
  })

  it('follows a link to a picture, not a loop of links', async () => {
    symlinkSync(picture('plain.jpg'), join(folder, 'link.jpg'))
    expect((await load(join(folder, 'link.jpg'))).shape).toEqual([48, 64, 3])
    symlinkSync(join(folder, 'loop.jpg'), join(folder, 'loop.jpg'))
    await expect(load(join(folder, 'loop.jpg'))).rejects.toMatchObject({ code: 'IMAGE' })
  })

  it('goes by content, not by name', async () => {
    const path = join(folder, 'picture.txt')
    writeFileSync(path, readFileSync(picture('alpha.png')))
    expect((await load(path)).shape).toEqual([48, 64, 3])
  })
})
