/**
 * @file Every snippet of the README and the guides runs: TypeScript (its types too), JavaScript, shell, sessions with their output, Python.
 *
 * The blocks of a page run from top to bottom in one folder. Above a block may stand `<!-- continues -->`, `<!-- not run: REASON -->` or
 * `<!-- not compared: REASON -->`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf, pages, programsOf, sessionOf, shapeOf, textOf, type Block } from './snippets/blocks.cases.ts'
import { BROWSER, javaScriptOf, typeErrors } from './snippets/compile.cases.ts'
import { makeScratch, type Scratch } from './snippets/scratch.cases.ts'
import { root } from './sources.ts'

/** Shown, not run. */
const TEXTS: readonly string[] = ['text', 'json', 'yaml', 'html']
const python = process.env['ROOTSTOCK_PYTHON'] ?? 'python3'
/** What to install for a module. */
const PACKAGES: Readonly<Record<string, string>> = { PIL: 'pillow' }

/** Some train InceptionV3 to its end, which a busy machine takes minutes for. Milliseconds. */
const LONGEST = 400_000

let scratch: Awaited<ReturnType<typeof makeScratch>>
beforeAll(async () => {
  scratch = await makeScratch()
})
afterAll(() => scratch?.remove())

/** Runs one block; fails where it fails. */
type Runner = (block: Block, place: Scratch) => Promise<void>

const RUNNERS: Readonly<Record<string, Runner>> = {
  ts: runModule,
  js: runModule,
  sh: async ({ code }, place) => {
    const { code: status, stderr } = await place.run('sh', ['-e', '-c', code])
    expect(status, stderr).toBe(0)
  },
  console: runSession,
  python: async ({ code }, place) => {
    writeFileSync(join(place.folder, 'snippet.py'), code)
    const { code: status, stderr } = await place.run(python, ['snippet.py'])
    expect(status, stderr).toBe(0)
  },
}

async function runModule(block: Block, place: Scratch): Promise<void> {
  const file = `snippet-${block.line}.mjs`
  writeFileSync(join(place.folder, file), (block.language === 'js' ? BROWSER : '') + javaScriptOf(block))
  const { code, stderr } = await place.run(process.execPath, [file])
  expect(code, stderr).toBe(0)
}

/** Every line that the page shows is in the output, whatever its numbers are. */
async function runSession(block: Block, place: Scratch): Promise<void> {
  const { commands, shown } = sessionOf(block)
  let output = ''
  for (const command of commands) {
    const { code, stdout, stderr } = await place.run('sh', ['-c', command])
    expect(code, `${command}\n${stderr}`).toBe(0)
    output += `${stdout}\n${stderr}\n`
  }
  if (block.notCompared !== undefined) return
  const lines = new Set(output.split('\n').map(shapeOf))
  expect(
    shown.map(shapeOf).filter((line) => !lines.has(line)),
    output,
  ).toEqual([])
}

/** Modules that a block imports and this machine lacks. */
function missingModules({ code }: Block): string[] {
  const imported = [...code.matchAll(/^(?:import|from) (\w+)/gm)].map(([, name]) => name!)
  const check = `import importlib.util, sys; print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])`
  const { status, stdout } = spawnSync(python, ['-c', check, ...imported], { encoding: 'utf8' })
  return status === 0 ? stdout.split(/\s+/).filter(Boolean) : imported
}

function needsOf(block: Block): string {
  if (block.language !== 'python') return ''
  const missing = missingModules(block)
  return missing.length === 0 ? '' : `needs ${python} and pip install ${missing.map((name) => PACKAGES[name] ?? name).join(' ')}`
}

describe.each(pages())('%s', (page) => {
  const blocks = blocksOf(page)
  // Blocks that continue another one run with it.
  const starts = new Set(['ts', 'js'].flatMap((language) => programsOf(blocks, language).map(({ line }) => line)))
  const programs = new Map(['ts', 'js'].flatMap((language) => programsOf(blocks, language)).map((program) => [program.line, program]))
  let place: Scratch
  beforeAll(() => {
    place = scratch.pageFolder(textOf(page))
  })

  it('says why a block is not run, and has no block in a language that nothing runs', () => {
    const unknown = blocks.filter(({ language, notRun }) => !notRun && !(language in RUNNERS) && !TEXTS.includes(language))
    expect(unknown.map(({ line, language }) => `${page}:${line} "${language}"`)).toEqual([])
    expect(blocks.filter(({ notRun, notCompared }) => [notRun, notCompared].some((reason) => reason && reason.length < 10))).toEqual([])
  })

  for (const block of blocks) {
    const { language, line, notRun } = block
    if (notRun !== undefined || !(language in RUNNERS)) continue
    if (['ts', 'js'].includes(language) && !starts.has(line)) continue
    const needs = needsOf(block)
    const title = `line ${line}: ${language}${needs && ` (${needs})`}`
    it.skipIf(needs !== '')(title, () => RUNNERS[language]!({ ...block, ...programs.get(line) }, place), LONGEST)
  }

  it('links to pages that exist', () => {
    const links = [...textOf(page).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, path]) => path!)
    expect(links.filter((path) => !existsSync(join(root, dirname(page), path)))).toEqual([])
  })
})

it('the types of all TypeScript snippets are right', () => {
  const programs = pages().flatMap((page) => programsOf(blocksOf(page), 'ts'))
  expect(programs.length).toBeGreaterThan(10)
  expect(typeErrors(programs)).toEqual([])
})
