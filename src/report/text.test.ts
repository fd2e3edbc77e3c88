import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foreignText } from './hostile.cases.ts'
import { escapeMarkup, shorten, textWidth, visible } from './text.ts'

describe('visible', () => {
  test.each([
    ['plain ä 日本', 'plain ä 日本'],
    ['a\u202eb', 'a\\u202eb'],
    ['\x1b[31m', '\\u001b[31m'],
    ['a\nb', 'a\\nb'],
    ['\ud800', '\\ud800'],
    ['\ufffe', '\\ufffe'],
    ['\u{e0001}', '\\u{e0001}'],
    [`e${'\u0301'.repeat(9)}`, `e${'\u0301'.repeat(3)}`],
  ])('%j is shown as %j', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })

  test('leaves nothing that is invisible or steers', () => {
    fc.assert(fc.property(foreignText, (text) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffe\uffff]/u.test(visible(text))))
  })
})

describe('escapeMarkup', () => {
  test('leaves no character that starts markup, and can be undone', () => {
    fc.assert(
      fc.property(foreignText, (text) => {
        const escaped = escapeMarkup(text)
        expect(escaped).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/)
        const undone = escaped
          .replace(/&lt;/g, '<')
          .replace(/&gt;/g, '>')
          .replace(/&quot;/g, '"')
          .replace(/&#39;/g, "'")
          .replace(/&amp;/g, '&')
        expect(undone).toBe(visible(text))
      }),
    )
  })
})

describe('shorten', () => {
  test('keeps what fits and never passes the width', () => {
    expect(shorten('daisy', 100, 12)).toBe('daisy')
    expect(shorten('dandelion', 40, 12)).toBe('dand…')
    fc.assert(
      fc.property(foreignText, fc.integer({ min: 12, max: 300 }), (text, width) => textWidth(shorten(text, width, 12), 12) <= width),
    )
  })
})
