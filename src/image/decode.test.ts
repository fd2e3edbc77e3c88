/** @file Decoding against Pillow: the odd pictures, 153 photos, and input that is not a picture. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, it, test } from 'vitest'
import { RootstockError } from '../errors.ts'
import { decode, MAX_PIXELS } from './decode.ts'
import { orient } from './orient.ts'
import { resize, type Interpolation } from './resize.ts'

interface OddImage {
  readonly file: string
  readonly error?: string
  readonly size?: readonly [number, number]
  readonly rgb?: string
  readonly turned?: string
}

const golden = (name: string): URL => new URL(`../../test/golden/${name}`, import.meta.url)
const readJson = (name: string): unknown => JSON.parse(readFileSync(golden(name), 'utf8'))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const odd = (readJson('odd-images.json') as { files: OddImage[] }).files

/** The error that decoding ends in. */
async function refusal(bytes: Uint8Array, name = 'x.jpg'): Promise<RootstockError> {
  const error: unknown = await decode(bytes, name).then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  )
  if (error instanceof RootstockError) return error
  throw error
}

describe('decode gives the bytes of Pillow', () => {
  test.each(odd.filter(({ error }) => !error))('$file', async ({ file, size, rgb, turned }) => {
    const { pixels, orientation } = await decode(readFileSync(golden(`odd-images/${file}`)), file)
    expect([pixels.width, pixels.height]).toEqual(size)
    expect(sha256(pixels.data)).toBe(rgb)
    expect(sha256(orient(pixels, orientation).data)).toBe(turned)
  })

  test.each(odd.filter(({ error }) => error))('$file is refused', async ({ file }) => {
    const { code, message } = await refusal(readFileSync(golden(`odd-images/${file}`)), file)
    expect(code).toBe('IMAGE')
    expect(message).toMatch(
      new RegExp(`^Cannot read ${file}: (the file is (empty|truncated)$|it is not a picture in a known format, expected [^\\n.]+$)`),
    )
  })
})

it('says why a picture is refused also while others are decoded beside it', async () => {
  const noise = {
    create: { width: 400, height: 400, channels: 3, background: '#fff', noise: { type: 'gaussian', mean: 128, sigma: 50 } },
  } as const
  const whole = await sharp(noise).jpeg().toBuffer()
  const cut = whole.subarray(0, whole.length / 2)
  const messages = new Set<string>()
  for (let round = 0; round < 10; round++) {
    const beside = Array.from({ length: 8 }, () => decode(whole, 'whole.jpg'))
    for (const { message } of await Promise.all([cut, cut, cut, cut].map((bytes) => refusal(bytes)))) messages.add(message)
    await Promise.all(beside)
  }
  expect([...messages]).toEqual(['Cannot read x.jpg: the file is truncated'])
})

const photos = new URL('../../../shared/data/', import.meta.url)
const decoded = (readJson('decode.json') as { files: (Record<string, string> & { size: [number, number] })[] }).files

describe.skipIf(!existsSync(photos))('decode of real photos (needs ../shared/data)', () => {
  it(`gives the bytes of Pillow for ${decoded.length} photos, at their own size and at four others`, async () => {
    const wrong: string[] = []
    let compared = 0
    for (const row of decoded) {
      const { pixels } = await decode(readFileSync(new URL(row['file']!, photos)), row['file']!)
      if (sha256(pixels.data) !== row['rgb']) wrong.push(row['file']!)
      for (const [key, hash] of Object.entries(row)) {
        const [, interpolation, side] = /^(nearest|bilinear|lanczos)(\d+)$/.exec(key) ?? []
        if (!interpolation) continue
        compared++
        const small = resize(pixels, [Number(side), Number(side)], { interpolation: interpolation as Interpolation })
        if (sha256(small.data) !== hash) wrong.push(`${row['file']} ${key}`)
      }
    }
    expect(wrong).toEqual([])
    expect([decoded.length, compared]).toEqual([153, 612])
  })
})

describe('decode of rarer kinds', () => {
  const values = Uint16Array.from({ length: 4 * 3 * 4 }, (_, i) => (i * 1367) % 65536)

  it.each([3, 4] as const)('keeps the high byte of 16-bit colour with %i channels', async (channels) => {
    const raw = { width: 4, height: 3, channels }
    const used = values.subarray(0, 12 * channels)
    const png = await sharp(used, { raw }).toColourspace('rgb16').png().toBuffer()
    const { pixels } = await decode(png, 'deep.png')
    const expected = Array.from({ length: 36 }, (_, i) => used[Math.floor(i / 3) * channels + (i % 3)]! >> 8)
    expect([...pixels.data]).toEqual(expected)
  })

  it('cuts 16-bit grey at 255, with a transparent value too', async () => {
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAMAAAABEAAAAABuG5crAAAAAnRSTlMBLF1QkJoAAAAPSURBVHicY2RIYTzh+wUABewCcLYSNMIAAAAASUVORK5CYII='
    expect([...(await decode(Buffer.from(png, 'base64'), 'grey16.png')).pixels.data]).toEqual([100, 100, 100, 255, 255, 255, 255, 255, 255])
  })

  it('drops the alpha of a grey picture', async () => {
    const grey = Uint8Array.from([10, 0, 200, 128, 30, 255, 40, 1])
    const png = await sharp(grey, { raw: { width: 2, height: 2, channels: 2 } })
      .toColourspace('b-w')
      .png()
      .toBuffer()
    expect([...(await decode(png, 'la.png')).pixels.data]).toEqual([10, 10, 10, 200, 200, 200, 30, 30, 30, 40, 40, 40])
  })

  it('ignores colour profiles', async () => {
    const raw = { width: 2, height: 1, channels: 3 } as const
    const png = await sharp(Uint8Array.from([250, 10, 20, 3, 200, 90]), { raw })
      .withIccProfile('p3')
      .png()
      .toBuffer()
    const plain = (await decode(png, 'p3.png')).pixels
    const managed = await sharp(png).raw().toBuffer()
    expect([...plain.data]).not.toEqual([...managed])
    expect([...plain.data]).toEqual([...(await sharp(png, { ignoreIcc: true }).raw().toBuffer())])
  })

  it('decodes pictures that do not fit memory together, damaged ones among them', async () => {
    const [width, height] = [6000, 5000]
    const whole = await sharp({ create: { width, height, channels: 3, background: '#123456' } })
      .jpeg()
      .toBuffer()
    const cut = whole.subarray(0, whole.length / 2)
    const all = await Promise.allSettled([whole, cut, whole, cut, whole].map((bytes) => decode(bytes, 'large.jpg')))
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
  })

  it('finds the turn of a PNG behind its pixels too', async () => {
    const raw = { width: 2, height: 1, channels: 3 } as const
    const png = await sharp(Uint8Array.from([1, 2, 3, 4, 5, 6]), { raw })
      .png()
      .toBuffer()
    const withTurn = (turn: string, crc: string): Buffer => {
      const exif = Buffer.from(`0000001a655849664d4d002a0000000800010112000300000001${turn}000000000000${crc}`, 'hex')
      return Buffer.concat([png.subarray(0, -12), exif, png.subarray(-12)])
    }
    expect((await decode(withTurn('0006', 'd6674b69'), 'turned.png')).orientation).toBe(6)
    expect((await decode(withTurn('0009', '202f3b80'), 'turned.png')).orientation).toBe(1)
    expect((await decode(png, 'upright.png')).orientation).toBe(1)
  })

  it('turns TIFF pictures at once, as Pillow does', async () => {
    const raw = { width: 2, height: 1, channels: 3 } as const
    const tiff = await sharp(Uint8Array.from([1, 2, 3, 4, 5, 6]), { raw })
      .withMetadata({ orientation: 3 })
      .tiff({ compression: 'none' })
      .toBuffer()
    expect(await decode(tiff, 'turned.tif')).toEqual({
      pixels: { data: Uint8Array.from([4, 5, 6, 1, 2, 3]), width: 2, height: 1 },
      orientation: 1,
    })
  })
})

describe('decode refuses', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'

  it('SVG, under any name', async () => {
    expect((await refusal(Buffer.from(svg), 'cat.jpg')).message).toMatch(/^Cannot read cat.jpg: it is not a picture in a known format/)
  })

  it('every loader but five in the whole process, once a picture was read', async () => {
    await decode(readFileSync(golden('odd-images/plain.jpg')), 'plain.jpg')
    await expect(sharp(Buffer.from(svg)).metadata()).rejects.toThrow(/unsupported image format/)
  })

  it('a PNG that claims more than 50 million pixels', async () => {
    const png = await sharp({ create: { width: 10000, height: 5001, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    expect(png.length).toBeLessThan(1_000_000)
    expect((await refusal(png)).message).toBe(`Cannot read x.jpg: it has more than ${MAX_PIXELS / 1e6} million pixels`)
  })

  it('a picture with too many channels', async () => {
    const raw = { width: 2, height: 2, channels: 3 } as const
    const extra = new Uint8Array(4)
    const plane = { raw: { width: 2, height: 2, channels: 1 as const } }
    const wide = await sharp(new Uint8Array(12), { raw })
      .joinChannel(
        [extra, extra, extra].map((data) => Buffer.from(data)),
        plane,
      )
      .tiff({ compression: 'none' })
      .toBuffer()
    expect((await refusal(wide)).message).toBe('Cannot read x.jpg: it has more than 5 channels')
  })

  it('control characters in messages', async () => {
    expect((await refusal(new Uint8Array(0), 'a\n\u202eb\u001b]0;.jpg')).message).toBe(
      'Cannot read a\\u000a\\u202eb\\u001b]0;.jpg: the file is empty',
    )
  })
})

describe('decode of damaged bytes', () => {
  /** Either pixels of the right length, or one IMAGE error of one line. */
  async function outcome(bytes: Uint8Array): Promise<'read' | 'refused'> {
    try {
      const { pixels } = await decode(bytes, 'x')
      expect(pixels.data.length).toBe(pixels.width * pixels.height * 3)
      return 'read'
    } catch (error) {
      expect(error).toBeInstanceOf(RootstockError)
      expect(error).toMatchObject({ code: 'IMAGE', message: expect.stringMatching(/^Cannot read x: [^\n]+[^.\n]$/) as string })
      return 'refused'
    }
  }

  test.each(['plain.jpg', 'progressive.jpg', 'alpha.png', 'picture.gif', 'picture.tiff', 'still.webp', 'picture.bmp'])(
    '%s cut at any length is refused',
    async (file) => {
      const whole = readFileSync(golden(`odd-images/${file}`))
      // The last few bytes of a file may be a mark of its end that holds no pixels.
      for (let length = 0; length < whole.length - 16; length += 1 + Math.floor(whole.length / 400)) {
        expect(await outcome(whole.subarray(0, length)), `${length} bytes`).toBe('refused')
      }
    },
  )

  it('a JPEG is refused where a marker in its codes does not exist', async () => {
    const bytes = Buffer.from(readFileSync(golden('odd-images/plain.jpg')))
    const at = bytes.indexOf(Buffer.from([0xff, 0]), bytes.indexOf(Buffer.from([0xff, 0xda])))
    bytes[at + 1] = 4
    expect((await refusal(bytes)).message).toBe('Cannot read x.jpg: its data are damaged (unknown marker 0x04)')
  })

  it('any bytes, and any change to a picture, end in pixels or an IMAGE error', async () => {
    const files = ['plain.jpg', 'alpha.png', 'picture.gif', 'picture.tiff', 'still.webp', 'picture.bmp', 'palette.png', 'cmyk.jpg']
    const pictures = files.map((file) => readFileSync(golden(`odd-images/${file}`)))
    const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 })
    const changed = fc.tuple(fc.constantFrom(...pictures), edits).map(([picture, list]) => {
      const copy = Uint8Array.from(picture)
      for (const [at, value] of list) copy[at % copy.length] = value
      return copy
    })
    const head = fc.constantFrom('', 'BM', '\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'GIF89a', 'II*\0')
    const noise = fc
      .tuple(head, fc.uint8Array({ maxLength: 300 }))
      .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'latin1'), rest]))
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, noise), async (bytes) => {
        seen.add(await outcome(bytes))
      }),
      { numRuns: 600 },
    )
    expect([...seen].sort()).toEqual(['read', 'refused'])
  })
})
