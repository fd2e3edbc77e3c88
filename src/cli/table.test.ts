/** @file Columns stand below each other on a terminal, whatever is written in them. */
import { expect, it } from 'vitest'
import { columnsOf } from './one-line.ts'
import { alignColumns } from './table.ts'

it.each([
  ['cat', 3],
  ['käse', 4],
  ['ka\u0308se', 4],
  ['кошка', 5],
  ['猫', 2],
  ['ネコ', 4],
  ['ﾈｺ', 2],
  ['고양이', 6],
  ['ไก่', 2],
  ['「Ａ」', 6],
  ['🧀', 2],
  ['→…·©', 4],
])('%s has %i columns', (text, columns) => {
  expect(columnsOf(text)).toBe(columns)
})

it('aligns rows by columns, numbers to the right', () => {
  const rows = alignColumns([
    ['class', 'photos'],
    ['猫', 12],
    ['ka\u0308se', 3],
  ])
  expect(rows).toEqual(['  class  photos', '  猫         12', '  ka\u0308se        3'])
})
