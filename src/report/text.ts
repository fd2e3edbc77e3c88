/** @file Foreign text in pictures: harmless characters, its width in the font of the pictures, and cutting to a width. */

// Control and format characters (line breaks, escapes, text direction, zero width), separators, lone surrogates, and what XML 1.0 forbids.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffe\uffff]/gu

/** More marks than any script stacks on one letter paint over the neighbouring rows. */
const STACKED_MARKS = /(\p{M}{3})\p{M}+/gu

/** No room is that wide; cutting first keeps the work small. */
const LONGEST = 2000

const SPECIAL: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Hundredths of the font size that the characters from blank to tilde advance in DejaVu Sans; Verdana, the stand-in, is as wide. */
// prettier-ignore
const ADVANCES = [
  32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53,
  100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50,
  50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
]
/** How much wider the bold letters are. */
export const BOLD_FACTOR = 1.13
const LETTER = 0.68
const WIDE = 1.05
const WIDE_CHARACTER =
  /[\p{Extended_Pictographic}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f000}-\u{3ffff}]/u

/** The text in one line that cannot steer what shows it: characters that are invisible or turn the direction appear as `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter).replace(STACKED_MARKS, '$1')
}

/** The text as it may stand in XML and HTML, between tags or in quotes. */
export function escapeMarkup(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => SPECIAL[character] ?? character)
}

/** Width of the text in pixels, within some per cent; never far below the truth. */
export function textWidth(text: string, size: number, bold = false): number {
  let width = 0
  for (const character of text) width += advance(character)
  return width * size * (bold ? BOLD_FACTOR : 1)
}

/** The text made visible and cut with an ellipsis so that it is at most `width` pixels wide. */
export function shorten(text: string, width: number, size: number): string {
  const shown = visible(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)
  if (textWidth(shown, size) <= width) return shown
  let left = width - textWidth('…', size)
  let kept = ''
  for (const character of shown) {
    left -= advance(character) * size
    if (left < 0) break
    kept += character
  }
  return `${kept.trimEnd()}…`
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code === 10) return '\\n'
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}

function advance(character: string): number {
  const code = character.codePointAt(0) ?? 0
  const known = ADVANCES[code - 32]
  if (known !== undefined) return known / 100
  if (/\p{M}/u.test(character)) return 0
  return WIDE_CHARACTER.test(character) ? WIDE : LETTER
}
