/** @file Tests of printable names. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isInside, printableName, textOf } from './names.ts'

test.each([
  ['plain name ü 猫.jpg', 'plain name ü 猫.jpg'],
  ['a\nb', 'a\\nb'],
  ['say "hi"', 'say \\"hi\\"'],
  ['photo\u202egpj.exe', 'photo\\u202egpj.exe'],
  ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['\ud800', '\\ud800'],
])('printableName escapes %j', (name, shown) => {
  expect(printableName(name)).toBe(shown)
})

test('printableName gives one line without control or direction characters for any name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      expect(printableName(name)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
    }),
  )
})

test('textOf shows bytes that are not UTF-8', () => {
  expect(textOf(Buffer.from([0x61, 0xff, 0x62]))).toBe('a\\xffb')
  expect(textOf(Buffer.from('猫'))).toBe('猫')
})

test('isInside compares whole names', () => {
  const inside = (path: string, folder: string): boolean => isInside(Buffer.from(path), Buffer.from(folder))
  expect([inside('/a/b', '/a'), inside('/a', '/a'), inside('/ab', '/a'), inside('/a', '/')]).toEqual([true, true, false, true])
})
