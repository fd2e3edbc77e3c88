import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RootstockError } from '../../errors.ts'
import { formats } from './number-format.cases.ts'
import { formatNumber, parseFormat } from './number-format.ts'
import { pathTemplate } from './path-template.ts'

describe('formatNumber', () => {
  it.each(formats)('%s as "%s" is "%s"', (value, text, expected) => {
    const format = parseFormat(text)
    expect(format && formatNumber(value, format)).toBe(expected)
  })

  it.each([
    [1.5, 'd'],
    [3n, '.2'],
  ])('refuses %s as "%s", as Python does', (value, text) => {
    const format = parseFormat(text)
    expect(() => format && formatNumber(value, format)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})

describe('pathTemplate', () => {
  it.each([
    ['w.{epoch:02d}.h5', 'w.07.h5'],
    ['{epoch}-{val_loss:.4f}.keras', '7-0.1250.keras'],
    ['{val_loss:.2f}', '0.12'],
    ['{{{epoch}}}', '{7}'],
    ['{val_loss}', '0.125'],
    ['plain', 'plain'],
    ['{epoch:.1f}', '7.0'],
  ])('fills %s', (text, expected) => expect(pathTemplate(text).fill({ epoch: 7n, val_loss: 0.125 })).toBe(expected))

  it('finds no values on the prototype', () => {
    expect(() => pathTemplate('{constructor}').fill({ epoch: 1n })).toThrow(expect.objectContaining({ code: 'UNKNOWN_NAME' }))
  })

  it('either fills any text or says why not', () => {
    const piece = fc.constantFrom('{', '}', 'epoch', ':', '02d', '.3f', 'loss', '!r', 'a', '%', '.')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          expect(typeof pathTemplate(pieces.join('')).fill({ epoch: 1n, loss: 0.5 })).toBe('string')
        } catch (error) {
          expect(error).toBeInstanceOf(RootstockError)
        }
      }),
    )
  })
})
