/** @file The kernel against the plain loops, which are held against Pillow wherever there is no kernel. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sourceHash } from './generated/kernel.ts'
import { createKernel } from './kernel.ts'
import type { Pixels } from './pixels.ts'
import { kernelPasses } from './resample-kernel.ts'
import { loops } from './resample-loops.ts'
import { coefficients, type FilterName } from './resample-weights.ts'

const noise = (width: number, height: number): Pixels => {
  // Black and white beside each other, so that filters overshoot.
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i * 7919) % 3 === 0 ? 255 : (i * 31) % 256))
  return { data, width, height }
}
const isSame = (a: Pixels, b: Pixels): boolean => a.width === b.width && a.height === b.height && Buffer.compare(a.data, b.data) === 0
const filters = fc.constantFrom<FilterName[]>('bilinear', 'bicubic', 'lanczos', 'box', 'hamming')
const side = fc.integer({ min: 1, max: 70 })
const axis = (size: number, count: number, filter: FilterName, start = 0) =>
  coefficients(size, { start, length: size - start, count }, filter)

describe('the kernel', () => {
  it('is made of the source that lies here', () => {
    const source = readFileSync(new URL('../../kernels/image.ts', import.meta.url))
    expect(createHash('sha256').update(source).digest('hex'), 'npx tsx scripts/build-kernels.ts').toBe(sourceHash)
  })

  it.each([
    ['all at once', 2 ** 20],
    ['in bands of few lines', 2 ** 14],
  ])('gives the bytes of the loops, %s', (_, room) => {
    const kernel = kernelPasses(createKernel(room))!
    let fitted = 0
    fc.assert(
      fc.property(fc.tuple(side, side, side), filters, fc.nat(), ([width, height, count], filter, cut) => {
        const pixels = noise(width, height)
        const columns = axis(width, count, filter, cut % width)
        const lines = { first: cut % height, last: height }
        const across = kernel.across(pixels, columns, lines)
        if (across) expect(isSame(across, loops.across(pixels, columns, lines))).toBe(true)
        // Down, the picture is what an earlier pass left of lines from `first` on.
        const first = cut % height
        const rows = axis(height, count, filter, first)
        const begin = rows.starts[0]!
        const left = { ...pixels, data: pixels.data.subarray(begin * width * 3), height: height - begin }
        const down = kernel.down(left, rows, begin)
        if (down) expect(isSame(down, loops.down(left, rows, begin))).toBe(true)
        fitted += Number(across !== undefined) + Number(down !== undefined)
      }),
      { numRuns: 300 },
    )
    expect(fitted).toBeGreaterThan(100)
  })

  it('leaves what does not fit to the loops', () => {
    const kernel = kernelPasses(createKernel(700))!
    expect(kernel.across(noise(60, 2), axis(60, 3, 'bilinear'), { first: 0, last: 2 })).toBeUndefined()
    expect(kernel.down(noise(60, 20), axis(20, 3, 'bilinear'), 0)).toBeUndefined()
  })

  it('gives no areas where its memory cannot grow', () => {
    expect(createKernel(2 ** 40)!.areas(2 ** 33)).toBeUndefined()
  })
})
