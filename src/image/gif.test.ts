/** @file GIF files that are made here: what Pillow 13 gives for each was looked up. */
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { decode } from './decode.ts'
import { unlace } from './gif-codes.ts'

const RED = [255, 0, 0]
const GREEN = [0, 255, 0]
const BLUE = [0, 0, 255]
const WHITE = [255, 255, 255]
const COLOURS = [RED, GREEN, BLUE, WHITE]

interface Made {
  readonly size?: readonly [number, number]
  /** Left, top, width and height of the frame. */
  readonly frame?: readonly [number, number, number, number]
  readonly pixels?: readonly number[]
  readonly transparent?: number
  readonly colours?: readonly (readonly number[])[]
}

const word = (value: number): number[] => [value & 255, value >> 8]

/** A GIF of up to four colours, whose codes begin anew before each pixel so that all have three bits. */
function gif({ size = [2, 2], frame = [0, 0, 2, 2], pixels = [0, 1, 2, 3], transparent, colours = COLOURS }: Made): Buffer {
  const bits = [...pixels.flatMap((pixel) => [4, pixel]), 5].map((code) => [code & 1, (code >> 1) & 1, code >> 2]).flat()
  const codes = Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
    bits.slice(8 * i, 8 * i + 8).reduce((sum, bit, k) => sum + (bit << k), 0),
  )
  const control = transparent === undefined ? [] : [0x21, 0xf9, 4, 1, 0, 0, transparent, 0]
  const head = [...Buffer.from('GIF89a'), ...size.flatMap(word), colours.length > 0 ? 0x81 : 0, 3, 0, ...colours.flat()]
  return Buffer.from([...head, ...control, 0x2c, ...frame.flatMap(word), 0, 2, codes.length, ...codes, 0, 0x3b])
}

const pixelsOf = async (bytes: Buffer): Promise<number[]> => [...(await decode(bytes, 'x.gif')).pixels.data]
const around = (colour: readonly number[]): number[] => [...colour, ...colour, ...colour, ...BLUE]

describe('a GIF', () => {
  it.each<[string, Made, readonly number[]]>([
    ['keeps the colours of transparent pixels', { transparent: 1 }, COLOURS.flat()],
    ['has its first colour around a smaller frame', { frame: [1, 1, 1, 1], pixels: [2] }, around(RED)],
    ['has the transparent colour around a smaller frame', { frame: [1, 1, 1, 1], pixels: [2], transparent: 1 }, around(GREEN)],
    ['grows with a frame that reaches beyond it', { size: [1, 1], frame: [1, 1, 1, 1], pixels: [2] }, around(RED)],
    ['without colours is grey', { colours: [] }, [0, 1, 2, 3].flatMap((value) => [value, value, value])],
    ['is black where a pixel has no colour', { colours: [RED, GREEN] }, [...RED, ...GREEN, 0, 0, 0, 0, 0, 0]],
  ])('%s', async (_, made, expected) => {
    // Two colours are told by another number in the header.
    const bytes = gif(made)
    if (made.colours?.length === 2) bytes[10] = 0x80
    expect(await pixelsOf(bytes)).toEqual(expected)
  })

  it.each([
    [gif({ pixels: [0, 1, 2] }), 'the file is truncated'],
    [gif({}).subarray(0, -4), 'the file is truncated'],
    [gif({}).subarray(0, 20), 'the file is truncated'],
    [gif({ frame: [0, 0, 0, 2] }), 'its first frame has no pixels'],
    [gif({ size: [60000, 60000], frame: [59999, 59999, 1, 1] }), 'it has more than 50 million pixels'],
    [Buffer.concat([gif({}).subarray(0, 25), Buffer.from(';')]), 'it has no frame'],
  ])('is refused (%#)', async (bytes, reason) => {
    await expect(decode(bytes, 'x.gif')).rejects.toMatchObject({ code: 'IMAGE', message: `Cannot read x.gif: ${reason}` })
  })

  it('whose codes cannot be is refused', async () => {
    const bytes = gif({})
    bytes[bytes.indexOf(0x2c) + 12] = 0xff
    await expect(decode(bytes, 'x.gif')).rejects.toThrow('Cannot read x.gif: its data are damaged (a code that cannot be)')
  })

  it.each([false, true])('of many codes is what libvips reads of it (interlaced: %s)', async (progressive) => {
    const data = Uint8Array.from({ length: 300 * 200 * 3 }, (_, i) => ((Math.floor(i / 3) * 7919) % 251) & 0xf0)
    const bytes = await sharp(data, { raw: { width: 300, height: 200, channels: 3 } })
      .gif({ progressive, dither: 0 })
      .toBuffer()
    const { data: expected } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true })
    expect(Buffer.compare(Buffer.from(await pixelsOf(bytes)), expected)).toBe(0)
  })

  it('puts interlaced rows in order', () => {
    expect([...unlace(9, true)]).toEqual([0, 5, 3, 6, 2, 7, 4, 8, 1])
    expect([...unlace(2, true)]).toEqual([0, 1])
  })
})
