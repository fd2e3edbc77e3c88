/** @file Finds class labels and numbers in file names such as cat.0.jpg, dog_12.png or "cat (1).jpg". */
import { extname } from 'node:path'
import { textOf } from './names.ts'
import type { Entry } from './scan.ts'

/** A picture with the label that its name says. */
export interface LabelledFile {
  readonly file: Entry
  readonly label: string
  /** The number in the name, or NaN. */
  readonly number: number
}

/** Pictures by label, each list in numerical order, and those whose name fits no label. */
export interface LabelledFiles {
  readonly byLabel: ReadonlyMap<string, readonly LabelledFile[]>
  readonly others: readonly Entry[]
}

// A label, separators, and a number that may stand in parentheses. Only a separator ends a label at a digit: 3_17 is number 17 of "3", 317 has no label.
const NUMBERED = /^(.*?[^\s._()\d-]|.*?[^\s._()-](?=[\s._(-]))[\s._-]*\(?(\d+)\)?$/u
const COLLATOR = new Intl.Collator('en', { numeric: true })

/** Sorts pictures by the label in their name: the given labels (upper and lower case are one), or those that the numbered names have. */
export function byNameLabel(files: readonly Entry[], labels?: readonly string[]): LabelledFiles {
  const byLabel = new Map<string, LabelledFile[]>((labels ?? []).map((label) => [label, []]))
  const others: Entry[] = []
  const longestFirst = labels && [...labels].sort((a, b) => b.length - a.length)
  for (const file of files) {
    const stem = stemOf(file)
    const label = longestFirst ? longestFirst.find((candidate) => startsWith(stem, candidate)) : NUMBERED.exec(stem)?.[1]
    if (label === undefined) {
      others.push(file)
      continue
    }
    const list = byLabel.get(label) ?? []
    list.push({ file, label, number: Number(NUMBERED.exec(stem)?.[2] ?? NaN) })
    byLabel.set(label, list)
  }
  for (const list of byLabel.values()) list.sort(inOrder)
  return { byLabel: new Map([...byLabel].sort(([a], [b]) => (labels ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))))), others }
}

/** Numbers compare as numbers: cat.2.jpg before cat.10.jpg; equal names in other respects compare by their bytes. */
export function inOrder(a: Pick<LabelledFile, 'file' | 'number'>, b: Pick<LabelledFile, 'file' | 'number'>): number {
  const byNumber = Number.isNaN(a.number) || Number.isNaN(b.number) ? 0 : a.number - b.number
  return byNumber || COLLATOR.compare(textOf(a.file.name), textOf(b.file.name)) || Buffer.compare(a.file.path, b.file.path)
}

function stemOf(file: Entry): string {
  const name = textOf(file.name)
  return name.slice(0, name.length - extname(name).length)
}

/** "cat" fits cat.1, cat_1, cat 1, cat1 and cat, but not category. */
function startsWith(stem: string, label: string): boolean {
  return stem.toLowerCase().startsWith(label.toLowerCase()) && !/^\p{L}/u.test(stem.slice(label.length))
}
