/** @file Finds photos by the names that tables, patterns and stored splits use for them. */
import { basename, extname, sep } from 'node:path'
import { textOf } from './names.ts'

/** Where a name leads: one photo, none, or several. */
export type NameMatch = { readonly kind: 'one'; readonly index: number } | { readonly kind: 'none' | 'several' }

/** The part of `file` below `root`, byte for byte. */
export function belowRoot(root: string, file: Buffer): Buffer {
  const prefix = Buffer.from(root)
  let from = file.subarray(0, prefix.length).equals(prefix) ? prefix.length : 0
  while (from > 0 && (file[from] === 0x2f || file[from] === sep.charCodeAt(0))) from++
  return file.subarray(from)
}

/** The photo's path below `root` as text, with slashes on every system. */
export function relativeName(root: string, file: Buffer): string {
  return textOf(belowRoot(root, file)).replaceAll(sep, '/')
}

/**
 * A finder of photos among relative names: by the whole name, else by the file name alone, else by it without its extension.
 * A name can only ever lead to one of the photos given here, whatever path it spells.
 */
export function photoFinder(names: readonly string[]): (name: string) => NameMatch {
  const stages = [canonical, fileName, stem].map((key) => {
    const places = new Map<string, number[]>()
    names.forEach((name, index) => {
      const list = places.get(key(name))
      if (list) list.push(index)
      else places.set(key(name), [index])
    })
    return { key, places }
  })
  return (name) => {
    for (const { key, places } of stages) {
      const found = places.get(key === stem ? fileName(name) : key(name)) ?? []
      const [index] = found
      if (index !== undefined) return found.length === 1 ? { kind: 'one', index } : { kind: 'several' }
    }
    return { kind: 'none' }
  }
}

/** Systems compose accents differently: é may be one character or two. */
function canonical(name: string): string {
  return name
    .replaceAll('\\', '/')
    .replace(/^(\.\/)+/, '')
    .normalize('NFC')
}

function fileName(name: string): string {
  return basename(canonical(name))
}

function stem(name: string): string {
  const file = fileName(name)
  return file.slice(0, file.length - extname(file).length)
}
