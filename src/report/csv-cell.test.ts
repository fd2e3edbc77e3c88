import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { csvCell } from './csv-cell.ts'
import { foreignText } from './hostile.cases.ts'

describe('csvCell', () => {
  test.each([
    ['cat', 'cat'],
    ['a,b', '"a,b"'],
    ['a;b', '"a;b"'],
    ['say "hi"', '"say ""hi"""'],
    ['=1+1', '"\'=1+1"'],
    ['+49', '"\'+49"'],
    ['-5', '"\'-5"'],
    ['@SUM(A1)', '"\'@SUM(A1)"'],
    [' =1', '"\' =1"'],
    ['\t=1', '"\'\t=1"'],
    ['\rx', '"\'\rx"'],
    ['＝1', '"\'＝1"'],
    ['', ''],
    [-5, '-5'],
    [0.25, '0.25'],
    [true, 'true'],
    [null, ''],
    [undefined, ''],
  ])('%j becomes %j', (value, cell) => {
    expect(csvCell(value)).toBe(cell)
  })

  test('can be read back, and no text starts a formula', () => {
    fc.assert(
      fc.property(foreignText, (text) => {
        const cell = csvCell(text)
        const read = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell
        if (!cell.startsWith('"')) expect(cell).not.toMatch(/[",;\r\n]/)
        expect(read).not.toMatch(/^[=+\-@\t\r]/)
        expect([text, `'${text}`]).toContain(read)
      }),
    )
  })
})
