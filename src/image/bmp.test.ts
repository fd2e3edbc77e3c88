/** @file The BMP reader on files made by hand. */
import { describe, expect, it } from 'vitest'
import { decodeBmp } from './bmp.ts'

interface Made {
  readonly width: number
  readonly height: number
  readonly bits: number
  readonly compression?: number
  readonly colours?: number
  readonly palette?: number[]
  readonly rows: number[]
}

/** A file with Windows' header of 40 bytes. */
function bmp({ width, height, bits, compression = 0, colours = 0, palette = [], rows }: Made): Uint8Array {
  const offset = 54 + palette.length
  const bytes = new Uint8Array(offset + rows.length)
  const view = new DataView(bytes.buffer)
  bytes.set([0x42, 0x4d])
  view.setUint32(10, offset, true)
  view.setUint32(14, 40, true)
  view.setInt32(18, width, true)
  view.setInt32(22, height, true)
  view.setUint16(26, 1, true)
  view.setUint16(28, bits, true)
  view.setUint32(30, compression, true)
  view.setUint32(46, colours, true)
  bytes.set(palette, 54)
  bytes.set(rows, offset)
  return bytes
}

const read = (made: Made): number[] => [...decodeBmp(bmp(made), 'x.bmp', 1000).data]
const twoRows = [3, 2, 1, 6, 5, 4, 0, 0, 9, 8, 7, 12, 11, 10, 0, 0]

describe('decodeBmp', () => {
  it('reads 24 bits from the bottom up, with padded rows', () => {
    expect(read({ width: 2, height: 2, bits: 24, rows: twoRows })).toEqual([7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6])
  })

  it('reads 24 bits from the top down when the height is negative', () => {
    expect(read({ width: 2, height: -2, bits: 24, rows: twoRows })).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it('ignores the fourth byte of 32 bits', () => {
    expect(read({ width: 1, height: 1, bits: 32, rows: [3, 2, 1, 99] })).toEqual([1, 2, 3])
  })

  it.each([
    [8, [1, 0, 2, 0]],
    [4, [0x10, 0x20, 0, 0]],
  ])('reads %i bits through the palette; colours beyond it are black', (bits, rows) => {
    const palette = [3, 2, 1, 0, 30, 20, 10, 0]
    expect(read({ width: 3, height: 1, bits, colours: 2, palette, rows })).toEqual([10, 20, 30, 1, 2, 3, 0, 0, 0])
  })

  it('reads 1 bit', () => {
    const palette = [0, 0, 0, 0, 255, 255, 255, 0]
    const found = read({ width: 9, height: 1, bits: 1, palette, rows: [0b10100000, 0b10000000, 0, 0] })
    expect(found.filter((_, i) => i % 3 === 0)).toEqual([255, 0, 255, 0, 0, 0, 0, 0, 255])
  })

  it.each<[string, Made, RegExp]>([
    ['missing rows', { width: 2, height: 2, bits: 24, rows: twoRows.slice(1) }, /truncated/],
    ['a missing palette', { width: 1, height: 1, bits: 8, rows: [0, 0, 0, 0] }, /truncated/],
    ['16 bits', { width: 1, height: 1, bits: 16, rows: [0, 0, 0, 0] }, /16 bits per pixel, expected 1, 4, 8, 24 or 32/],
    ['compression', { width: 1, height: 1, bits: 8, compression: 1, rows: [0, 0, 0, 0] }, /compression is of kind 1/],
    ['no width', { width: 0, height: 1, bits: 24, rows: [] }, /size is 0 × 1/],
    ['a negative width', { width: -4, height: 1, bits: 24, rows: [] }, /size is -4 × 1/],
    ['a giant size', { width: 2 ** 30, height: 2 ** 30, bits: 24, rows: [] }, /million pixels/],
    ['the least height', { width: 1, height: -(2 ** 31), bits: 24, rows: [] }, /million pixels/],
    ['a giant palette', { width: 1, height: 1, bits: 8, colours: 2 ** 32 - 1, rows: [] }, /palette has 4294967295 colours/],
  ])('refuses %s', (_, made, reason) => {
    expect(() => decodeBmp(bmp(made), 'x.bmp', 1000)).toThrow(
      expect.objectContaining({ code: 'IMAGE', message: expect.stringMatching(reason) as string }),
    )
  })
})
