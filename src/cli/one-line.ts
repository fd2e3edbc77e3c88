/** @file Errors and foreign text as one line that is safe to print on a terminal. */
import { RootstockError, messageOf } from '../errors.ts'

// Control and format characters: line breaks, escape sequences, text direction, zero width, lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu

/** `text` in one line: white space becomes a blank, what steers a terminal becomes visible. */
export function oneLine(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(UNPRINTABLE, (found) => [...found].map((c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join(''))
    .trim()
}

// What terminals draw two columns wide (wide and fullwidth in Unicode's East Asian Width), and what they draw onto the letter before it.
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\u3247\u3250-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2fb}\u{20000}-\u{3fffd}]/gu
const ABOVE = /[\p{Mn}\p{Me}]/gu

/** The columns of a terminal that `text` takes, which holds no control characters. */
export function columnsOf(text: string): number {
  const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0
  return [...text].length + count(WIDE) - count(ABOVE)
}

/** "MESSAGE. HINT" of a RootstockError; of anything else its message and how to learn more. */
export function errorLine(error: unknown): string {
  if (!(error instanceof RootstockError)) return sentences(`Unexpected error: ${messageOf(error)}`, 'Set ROOTSTOCK_DEBUG=1 to see where')
  return sentences(error.message, error.hint)
}

/** The error as --json tells it. */
export function errorJson(error: unknown): { readonly code: string; readonly message: string; readonly hint?: string } {
  if (!(error instanceof RootstockError)) return { code: 'UNEXPECTED', message: messageOf(error) }
  const { code, message, hint } = error
  return { code, message, ...(hint === undefined ? {} : { hint }) }
}

function sentences(message: string, hint: string | undefined): string {
  const first = oneLine(message).replace(/\.$/, '')
  return hint === undefined ? first : `${first}. ${oneLine(hint)}`
}
