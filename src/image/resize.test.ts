/** @file Resizing against Pillow's figures, and for any size. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { pixels as formula } from '../../test/golden/formula.ts'
import { toGrey, type Pixels } from './pixels.ts'
import { INTERPOLATIONS, resize, type Interpolation } from './resize.ts'

interface Case {
  readonly from: [number, number]
  readonly to: [number, number]
  readonly how: Interpolation
  readonly pixels: number[]
}

const golden = JSON.parse(readFileSync(new URL('../../test/golden/images.json', import.meta.url), 'utf8')) as {
  cases: Case[]
  keepAspectRatio: Case
  grayscale60x90first30: number[]
}

const input = ([height, width]: readonly [number, number]): Pixels => ({
  data: Uint8Array.from(formula(`resize/${height}x${width}`, [height, width, 3]).data),
  width,
  height,
})

describe('resize gives the bytes of Pillow', () => {
  test.each(golden.cases)('$how $from to $to', ({ from, to, how, pixels }) => {
    const found = resize(input(from), to, { interpolation: how })
    expect([found.height, found.width]).toEqual(to)
    expect([...found.data]).toEqual(pixels)
  })

  // SHA-256 of what Pillow 13.0.0 gives; the rows at 60 and 61 lie on both sides of its rule for the order of the passes.
  test.each<[[number, number], [number, number], Interpolation, string]>([
    [[90, 30], [20, 25], 'bilinear', '10407a46bbabe877f37d2e3acfffe7a5c352ebae83496f0fdf5bcb3c0fc9e45d'],
    [[90, 30], [20, 25], 'lanczos', '4a579cbdd36930e170d90d8e5e1d20105daadd5d946bbde5762fe018a552a300'],
    [[61, 30], [40, 20], 'bilinear', 'd03595ad78cfc545f6a9b578315edc7509f81ed6a35cbad7a6025d0239dad72f'],
    [[61, 30], [40, 20], 'lanczos', '770d5852168ca2499d072b06c7f06f2b20cb5aae4f6113c07dfd31aa06509abe'],
    [[60, 30], [40, 20], 'bilinear', 'cf7d4014344e2e697580e1197d04f8a6e4cc19514dd856bf49d5bd3ab8dc5287'],
    [[60, 30], [40, 20], 'lanczos', '3c081663a64c712c420cde55455a1383dc1019b17d4063175667f7a240b9930e'],
  ])('of tall pictures: %j to %j, %s', (from, to, interpolation, hash) => {
    const found = resize(input(from), to, { interpolation })
    expect(createHash('sha256').update(found.data).digest('hex')).toBe(hash)
  })

  it('after the centre crop of keepAspectRatio', () => {
    const { from, to, how, pixels } = golden.keepAspectRatio
    expect([...resize(input(from), to, { interpolation: how, keepAspectRatio: true }).data]).toEqual(pixels)
  })

  // SHA-256 of what Pillow 13.0.0 gives, as for tall pictures.
  const made = (height: number, width: number): Pixels => ({
    data: Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * i * 31 + i * 7919) % 251),
    width,
    height,
  })
  const shaOf = ({ data }: Pixels): string => createHash('sha256').update(data).digest('hex')

  it('with the weights of hamming, which come of float32 numbers', () => {
    const found = [2501, 2504].map((width) => shaOf(resize(made(6, width), [6, 1147], { interpolation: 'hamming' })))
    expect(found).toEqual([
      'ddd8084f8cc7d517b16d6857dc0657f7d12eb56eb941d176b6b04d51d34b7f6d',
      'a990351340eccf42d5457bacf161bbb23a2913640a0ba9073af51a305e15ed7a',
    ])
  })

  test.each<[[number, number], [number, number], Interpolation, string]>([
    [[2, 1], [1, 300], 'nearest', 'c3c32f1f118bd27e610ff8b06f3b3337321f858c9f9c98c3571d4b0247a17b99'],
    [[2, 1], [1, 300], 'bilinear', 'fa3c933362c6e7368b1b230f4241f67c1151afdde3406a02f1835397af3e4c33'],
    [[1, 2], [97, 31], 'box', '31c307a751440962c4740f0d212456c6982d4780e00ff5b4ca9a961dd29eb9d8'],
    [[1, 2], [97, 31], 'lanczos', '4693eda8aa38f37975adf99bd52b9521f66434487a10189b9b45b2f71236e820'],
    [[3, 5], [7, 1], 'nearest', '162708a44b18efaad58d49d0dba6bfab21f1060bf52867c8d837d8e87f25adce'],
    [[3, 5], [7, 1], 'bicubic', '8b2dcf625495f90938ba6836f418204949ce54c79c82382dd692c662038b1f5b'],
  ])('where the centre crop leaves nothing: %j to %j, %s', ([height, width], to, interpolation, hash) => {
    expect(shaOf(resize(made(height, width), to, { interpolation, keepAspectRatio: true }))).toBe(hash)
  })

  it('after the conversion to grey', () => {
    const grey = toGrey(input([60, 90])).data
    expect(Array.from({ length: 30 }, (_, i) => grey[i * 3])).toEqual(golden.grayscale60x90first30)
  })
})

describe('resize', () => {
  it('uses nearest unless told otherwise', () => {
    expect(resize(input([7, 9]), [4, 5])).toEqual(resize(input([7, 9]), [4, 5], { interpolation: 'nearest' }))
  })

  it('picks the nearest pixels of large pictures as of small ones', () => {
    const small = input([60, 70])
    const large = resize(small, [600, 700])
    expect(large.data.length).toBeGreaterThan(2 ** 20)
    expect(Buffer.compare(resize(large, [60, 70]).data, small.data)).toBe(0)
  })

  it('gives the same picture back when it has the size', () => {
    const same = input([7, 9])
    expect(resize(same, [7, 9], { interpolation: 'lanczos' })).toBe(same)
  })

  it('names the nearest valid interpolation', () => {
    const wrong = 'bilinaer' as Interpolation
    expect(() => resize(input([7, 9]), [4, 5], { interpolation: wrong })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_NAME', hint: 'Did you mean "bilinear"?' }),
    )
  })

  it('never leaves the range of the input for filters without overshoot, at any size', () => {
    const side = fc.integer({ min: 1, max: 60 })
    const ranges = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(
        fc.tuple(side, side, side, side),
        ranges,
        fc.constantFrom(...INTERPOLATIONS),
        fc.boolean(),
        (sides, range, interpolation, keep) => {
          const [height, width, toHeight, toWidth] = sides
          const [low, high] = [Math.min(...range), Math.max(...range)]
          const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => low + ((i * 7919) % (high - low + 1)))
          const found = resize({ data, width, height }, [toHeight, toWidth], { interpolation, keepAspectRatio: keep })
          expect(found.data.length).toBe(toHeight * toWidth * 3)
          // Fixed-point weights sum to one within a few parts in four million: a constant stays itself.
          const isTame = low === high || !['bicubic', 'lanczos'].includes(interpolation)
          if (isTame) expect(found.data.every((value) => value >= low && value <= high)).toBe(true)
        },
      ),
      { numRuns: 400 },
    )
  })

  it.each([
    [100000, 1],
    [1, 100000],
  ])('reads %i × %i', (height, width) => {
    const data = new Uint8Array(height * width * 3).fill(77)
    expect(new Set(resize({ data, width, height }, [224, 224], { interpolation: 'lanczos' }).data)).toEqual(new Set([77]))
  })

  const one = { data: new Uint8Array(3), width: 1, height: 1 }
  it.each<readonly [string, unknown, unknown, RegExp]>([
    ['no size', one, undefined, /Cannot resize to nothing: expected \[height, width\]/],
    ['one number', one, 5, /Cannot resize to 5/],
    ['half a pixel', one, [2.5, 3], /Cannot resize to \[2.5,3\]/],
    ['a giant size', one, [16000, 16000], /Cannot resize to \[16000,16000\]: expected at most 50 million pixels/],
    ['a tensor', { data: new Float32Array(3), shape: [1, 1, 3], dtype: 'float32' }, [2, 2], /Cannot use the picture: found something else/],
    ['four bytes a pixel', { ...one, data: new Uint8Array(4) }, [2, 2], /found 4 bytes for 1 × 1 pixels/],
  ])('refuses %s', (_, picture, size, message) => {
    expect(() => resize(picture as typeof one, size as [number, number])).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) as string }),
    )
  })
})
