import { describe, expect, test } from 'vitest'
import sharp from 'sharp'
import { decode, type Pixels } from '../image/index.ts'
import { contactSheet } from './contact-sheet.ts'
import { hostileNames } from './hostile.cases.ts'

/** A picture of one colour. */
function plain([red, green, blue]: readonly [number, number, number], width: number, height: number): Pixels {
  return { data: Uint8Array.from({ length: width * height * 3 }, (_, i) => [red, green, blue][i % 3] ?? 0), width, height }
}

const teal = [0, 128, 128] as const

async function sheetOf(
  ...args: Parameters<typeof contactSheet>
): Promise<{ width: number; height: number; at: (x: number, y: number) => number[] }> {
  const { pixels } = await decode(await contactSheet(...args), 'sheet')
  const at = (x: number, y: number): number[] => [...pixels.data.subarray((y * pixels.width + x) * 3, (y * pixels.width + x) * 3 + 3)]
  return { width: pixels.width, height: pixels.height, at }
}

describe('contactSheet', () => {
  test('shows each picture in its square, row by row', async () => {
    const pictures = [plain([255, 0, 0], 64, 64), plain([0, 255, 0], 200, 200), plain([0, 0, 255], 8, 8)].map((pixels) => ({ pixels }))
    const sheet = await sheetOf(pictures, { columns: 2, cell: 64 })
    expect([sheet.width, sheet.height]).toEqual([16 + 64 + 12 + 64 + 16, 16 + 64 + 12 + 64 + 16])
    expect([sheet.at(16, 16), sheet.at(79, 79), sheet.at(80, 40)]).toEqual([
      [255, 0, 0],
      [255, 0, 0],
      [255, 255, 255],
    ])
    expect(sheet.at(16 + 76 + 32, 48)).toEqual([0, 255, 0])
    expect(sheet.at(48, 16 + 76 + 32)).toEqual([0, 0, 255])
  })

  test('fits pictures that are not square, centred', async () => {
    const sheet = await sheetOf([{ pixels: plain(teal, 100, 50) }], { cell: 100 })
    expect([sheet.at(66, 66), sheet.at(66, 41), sheet.at(66, 40), sheet.at(66, 91)]).toEqual([
      [...teal],
      [...teal],
      [228, 231, 235],
      [228, 231, 235],
    ])
  })

  test('marks wrong answers with a frame and captions below', async () => {
    const sheet = await sheetOf(
      [
        { pixels: plain(teal, 64, 64), caption: 'cat → dog', wrong: true },
        { pixels: plain(teal, 64, 64), caption: 'cat' },
      ],
      { cell: 96 },
    )
    expect(sheet.at(14, 60)).toEqual([0xc0, 0x39, 0x2b])
    expect(sheet.at(16 + 96 + 12 - 2, 60)).toEqual([255, 255, 255])
    const caption = Array.from({ length: 90 * 14 }, (_, i) => sheet.at(16 + (i % 90), 118 + Math.floor(i / 90)))
    expect(caption.some(([red = 0, green = 255]) => red > 150 && green < 100)).toBe(true)
  })

  test('takes any caption and any title', async () => {
    const pictures = hostileNames.map((caption, i) => ({ pixels: plain(teal, 4, 4), caption, wrong: i % 2 === 0 }))
    const png = await contactSheet(pictures, { cell: 96, title: hostileNames[0] ?? '' })
    expect((await sharp(png).metadata()).format).toBe('png')
  })

  test('is the same each time', async () => {
    const pictures = [{ pixels: plain(teal, 30, 20), caption: 'one' }]
    expect(await contactSheet(pictures)).toEqual(await contactSheet(pictures))
  })

  test.each([
    [0, {}, 'found no pictures'],
    [1, { columns: 0 }, 'Invalid columns: found 0'],
    [1, { cell: 10.5 }, 'Invalid cell: found 10.5'],
    [9, { columns: 1, cell: 4000 }, 'expected at most 16384 a side'],
  ])('refuses %d pictures with %j', async (count, options, message) => {
    const pictures = Array.from({ length: count }, () => ({ pixels: plain(teal, 1, 1) }))
    await expect(contactSheet(pictures, options)).rejects.toThrow(message)
  })
})
