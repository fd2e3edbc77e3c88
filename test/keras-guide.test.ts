/** @file The guide for people who know Keras has a row for every call and every argument of the script that it translates. */
import { expect, it } from 'vitest'
import { blocksOf, textOf } from './snippets/blocks.cases.ts'

const PAGE = 'docs/guides/from-keras.md'
/** Python's own. */
const PYTHON = ['print', 'f']

const script = blocksOf(PAGE)
  .filter(({ language }) => language === 'python')
  .map(({ code }) => code.replace(/#.*$/gm, '').replace(/"[^"\n]*"/g, '""'))
  .join('\n')
const table = textOf(PAGE).split('## Every call')[1] ?? ''
const explained = new Set([...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell]) => cell!.match(/\w+/g) ?? []))

/** What the script calls, and the arguments and attributes that it names. */
function used(): Set<string> {
  const body = script.replace(/^(from|import) .+$/gm, '')
  const calls = [...body.matchAll(/\b(\w+)\(/g)].map(([, name]) => name!)
  const named = [...body.matchAll(/\b(\w+)=(?!=)/g)].map(([, name]) => name!)
  const attributes = [...body.matchAll(/\.([a-z_]+)\b(?!\()/g)].map(([, name]) => name!)
  return new Set([...calls, ...named, ...attributes].filter((name) => !PYTHON.includes(name)))
}

it('has a row for every call and argument of the script', () => {
  const names = used()
  for (const name of ['flow_from_directory', 'GlobalAveragePooling2D', 'ModelCheckpoint', 'decode_predictions', 'epsilon', 'class_indices'])
    expect(names).toContain(name)
  expect([...names].filter((name) => !explained.has(name))).toEqual([])
})

it('names all that the script imports', () => {
  const imported = [...script.matchAll(/^from \S+ import (.+)$/gm)].flatMap(([, list]) => list!.split(', '))
  expect(imported.length).toBeGreaterThan(15)
  expect(imported.filter((name) => !explained.has(name))).toEqual([])
})
