/** @file TIFF files of rare kinds, made here: Pillow's pixels, or a refusal. */
import { describe, expect, it } from 'vitest'
import { decode } from './decode.ts'

interface Made {
  readonly photometric: number
  readonly bits: readonly number[]
  readonly format?: number
  readonly compression?: number
  /** Where the 256 colours are said to lie. */
  readonly palette?: number
  readonly turn?: number
  /** What the fourth value of a pixel is: 1 for an alpha that the others are multiplied by. */
  readonly extra?: number
  readonly pixels: readonly number[]
}

/** One row of two pixels, little-endian and not compressed; the directory comes first. */
function tiff({ photometric, bits, format = 1, compression = 1, palette, turn, extra, pixels }: Made): Buffer {
  const long = (...numbers: number[]): Buffer => Buffer.from(Uint32Array.from(numbers).buffer)
  const lists = [bits, bits.map(() => format)].map((list) => Buffer.from(Uint16Array.from(list).buffer))
  const count = 10 + Number(palette !== undefined) + Number(turn !== undefined) + Number(extra !== undefined)
  const start = 8 + 2 + count * 12 + 4
  const places = [start, start + lists[0]!.length]
  const list = (number: number): number => (bits.length <= 2 ? lists[number]!.readUInt16LE() : places[number]!)
  const data = start + 2 * lists[0]!.length
  const entries = [
    [256, 1, 2],
    [257, 1, 1],
    [258, bits.length, list(0)],
    [259, 1, compression],
    [262, 1, photometric],
    [273, 1, data],
    ...(turn === undefined ? [] : [[274, 1, turn]]),
    [277, 1, bits.length],
    [278, 1, 1],
    [279, 1, pixels.length],
    ...(palette === undefined ? [] : [[320, 768, palette]]),
    ...(extra === undefined ? [] : [[338, 1, extra]]),
    [339, bits.length, list(1)],
  ].map(([tag = 0, count = 0, value = 0]) =>
    Buffer.concat([Buffer.from(Uint16Array.of(tag, tag === 273 ? 4 : 3).buffer), long(count, value)]),
  )
  return Buffer.concat([Buffer.from('II*\0'), long(8), Buffer.from([count, 0]), ...entries, long(0), ...lists, Buffer.from(pixels)])
}

describe('a TIFF', () => {
  it.each<[string, Made, string]>([
    [
      'of YCbCr without JPEG',
      { photometric: 6, bits: [8, 8, 8], pixels: [1, 2, 3, 4, 5, 6] },
      'its colours are YCbCr without JPEG, expected RGB, grey or CMYK',
    ],
    [
      'of 16 bits in which 0 is white',
      { photometric: 0, bits: [16], pixels: [1, 2, 3, 4] },
      'it is 16-bit grey in which 0 is white, expected 0 to be black',
    ],
    [
      'of bytes with a sign',
      { photometric: 1, bits: [8], format: 2, pixels: [1, 200] },
      'its colours are numbers of the kind "char", expected 8 or 16 bits without a sign',
    ],
    [
      'of colours of 32 bits',
      { photometric: 2, bits: [32, 32, 32], pixels: Array.from({ length: 24 }, (_, i) => i) },
      'its colours are numbers of the kind "uint", expected 8 or 16 bits without a sign',
    ],
    ['of Lab', { photometric: 8, bits: [8, 8, 8], pixels: [1, 2, 3, 4, 5, 6] }, 'its colours are Lab, expected RGB, grey or CMYK'],
    ['of 12 bits', { photometric: 1, bits: [12], pixels: [1, 2, 3] }, 'its colours have 12 bits, expected 1, 2, 4, 8 or 16'],
    ['without a palette', { photometric: 3, bits: [8], pixels: [1, 2] }, 'it has no palette'],
    ['whose palette is cut', { photometric: 3, bits: [8], palette: 160, pixels: [1, 2] }, 'the file is truncated'],
    [
      'of Zstandard',
      { photometric: 1, bits: [8], compression: 50000, pixels: [1, 2] },
      'it is of a kind that cannot be read (tiff2vips: ZSTD compression support is not configured)',
    ],
  ])('%s is refused', async (_, made, reason) => {
    await expect(decode(tiff(made), 'x.tif')).rejects.toMatchObject({ code: 'IMAGE', message: `Cannot read x.tif: ${reason}` })
  })

  it.each<[string, Made, readonly number[]]>([
    ['grey', { photometric: 1, bits: [8], pixels: [7, 200] }, [7, 7, 7, 200, 200, 200]],
    ['grey in which 0 is white', { photometric: 0, bits: [8], pixels: [7, 200] }, [248, 248, 248, 55, 55, 55]],
    ['RGB times alpha', { photometric: 2, bits: [8, 8, 8, 8], extra: 1, pixels: [7, 3, 1, 7, 9, 4, 0, 2] }, [255, 109, 36, 255, 255, 0]],
    [
      'RGB of 16 bits times alpha, by the high bytes',
      { photometric: 2, bits: [16, 16, 16, 16], extra: 1, pixels: [255, 2, 0, 1, 9, 0, 0, 7, 9, 0, 9, 0, 9, 0, 255, 0] },
      [72, 36, 0, 0, 0, 0],
    ],
    ['RGB beside alpha', { photometric: 2, bits: [8, 8, 8, 8], extra: 2, pixels: [7, 3, 1, 7, 9, 4, 0, 2] }, [7, 3, 1, 9, 4, 0]],
    ['RGB that is turned', { photometric: 2, bits: [8, 8, 8], turn: 3, pixels: [1, 2, 3, 4, 5, 6] }, [4, 5, 6, 1, 2, 3]],
    ['RGB with a turn of 0', { photometric: 2, bits: [8, 8, 8], turn: 0, pixels: [1, 2, 3, 4, 5, 6] }, [1, 2, 3, 4, 5, 6]],
    ['RGB with a turn of 9', { photometric: 2, bits: [8, 8, 8], turn: 9, pixels: [1, 2, 3, 4, 5, 6] }, [1, 2, 3, 4, 5, 6]],
    ['RGB', { photometric: 2, bits: [8, 8, 8], pixels: [1, 2, 3, 4, 5, 6] }, [1, 2, 3, 4, 5, 6]],
    [
      'CMYK of 16 bits, by the high bytes',
      { photometric: 5, bits: [16, 16, 16, 16], pixels: [9, 10, 9, 20, 9, 30, 9, 0, 9, 0, 9, 0, 9, 0, 9, 255] },
      [245, 235, 225, 0, 0, 0],
    ],
  ])('of %s has its colours', async (_, made, expected) => {
    expect([...(await decode(tiff(made), 'x.tif')).pixels.data]).toEqual(expected)
  })
})
