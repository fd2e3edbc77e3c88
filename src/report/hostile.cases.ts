/** @file Names that people and attackers give to classes and files, and what no picture may contain whatever the names. */
import { Resvg } from '@resvg/resvg-js'
import fc from 'fast-check'
import { expect } from 'vitest'

const elements = ['svg', 'g', 'rect', 'line', 'path', 'polygon', 'text', 'title', 'clipPath']

/** Markup, terminal escapes, text direction, control characters, entities, Graphviz escapes, formulas and plain oddities. */
export const hostileNames: readonly string[] = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '</text></svg><script>alert(1)</script>',
  '</title><script>alert(1)</script>',
  ']]><script>alert(1)</script>',
  '<!-- -->',
  '&lt;b&gt; &#60; &amp;lt;',
  'javascript:alert(1)',
  '\x1b]0;owned\x07\x1b[31m',
  'photo\u202egpj.exe',
  'a\u2066b\u2069\u200e\u200f',
  'two\nlines\r\n\ttab',
  '\0\x01\x7f\x85\ufeff',
  'lone \ud800 surrogate \udfff',
  'not a character \ufffe\uffff',
  '\\N \\G \\l \\"',
  '=cmd|"/c calc"!A1',
  '__proto__',
  'constructor',
  '',
  ' ',
  'e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301',
  '日本の花',
  '👩‍👩‍👧',
  'שלום',
  'x'.repeat(5000),
]

/** Any text: one of the above, or any code points. */
export const foreignText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...hostileNames),
  fc.array(fc.oneof(fc.nat(0x10ffff), fc.nat(0x7f)), { maxLength: 40 }).map((codes) => String.fromCodePoint(...codes)),
)

/** Well-formed, of known elements and attributes only, and without scripts or links. */
export function expectHarmless(svg: string): void {
  expect(() => new Resvg(svg, { font: { loadSystemFonts: false } })).not.toThrow()
  const tags = [...svg.matchAll(/<\/?([^\s>/]+)/g)].map(([, tag]) => tag ?? '')
  expect([...new Set(tags)].filter((tag) => !elements.includes(tag))).toEqual([])
  const attributes = [...svg.matchAll(/<[^>]*>/g)].flatMap(([tag]) =>
    [...tag.matchAll(/([^\s"=]+)="[^"]*"/g)].map(([, name]) => name ?? ''),
  )
  expect(attributes.filter((name) => /^on|href|^style$/i.test(name))).toEqual([])
}
