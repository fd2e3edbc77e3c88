/** @file Paths as words of a command that can be copied into a shell. */

// Control and format characters: line breaks, escape sequences, text direction, zero width, lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** A path as a word of a command: one that begins with a dash would be taken for a flag. */
export function shellPath(path: string): string {
  return shellWord(path.startsWith('-') ? `./${path}` : path)
}

/** A word as a POSIX shell reads it; what steers a terminal is spelled out. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  if (!UNPRINTABLE.test(word)) return `'${word.replaceAll("'", `'\\''`)}'`
  return `$'${Array.from(word, spelled).join('')}'`
}

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', "'": "\\'", '\\': '\\\\' }

function spelled(character: string): string {
  if (NAMED[character] !== undefined || !UNPRINTABLE.test(character)) return NAMED[character] ?? character
  const code = (character.codePointAt(0) ?? 0).toString(16)
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`
}
