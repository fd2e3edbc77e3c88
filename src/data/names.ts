/** @file File names as the bytes they are: joined, decoded and printed without harm. */
import { isUtf8 } from 'node:buffer'
import { sep } from 'node:path'

const SEPARATOR = Buffer.from(sep)

// Control and format characters (line breaks, escapes, text direction, zero width), lone surrogates, and the quote that we print around names.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}"]/gu

/** The name as it may stand in one line between quotes: characters that break or turn a line are escaped, bytes outside UTF-8 become `\xNN`. */
export function printableName(name: string | Buffer): string {
  const text = typeof name === 'string' ? name : textOf(name)
  return text.replace(UNPRINTABLE, (character) => {
    if (character === '"') return '\\"'
    if (character === '\n') return '\\n'
    const code = character.codePointAt(0) ?? 0
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** The bytes as text; a name that is not UTF-8 keeps its ASCII part and shows every other byte as `\xNN`. */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  return bytes.toString('latin1').replace(/[\x80-\xff]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)
}

/** What stands behind the last separator of a path. */
export function lastName(path: Buffer): Buffer {
  return path.subarray(Math.max(path.lastIndexOf('/'), path.lastIndexOf(SEPARATOR)) + 1)
}

/** "1 photo", "2 photos". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** `folder/name` in bytes. */
export function joinPath(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, SEPARATOR, name])
}

/** Whether the real path `path` is `folder` or lies below it. */
export function isInside(path: Buffer, folder: Buffer): boolean {
  if (path.equals(folder)) return true
  const prefix = folder.subarray(-SEPARATOR.length).equals(SEPARATOR) ? folder : Buffer.concat([folder, SEPARATOR])
  return path.subarray(0, prefix.length).equals(prefix)
}
