/** @file Holds the shape of src/: which folder may import which, through which door, and how files begin and end. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { isGenerated, isTest, root, sourcesIn, type Source } from './sources.ts'

/** The arrows: a folder may import these, errors.ts, and nothing else of src/. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  tensor: [],
  files: [],
  image: ['tensor', 'files'],
  data: ['image', 'tensor', 'files'],
  graph: ['tensor'],
  onnx: ['graph', 'tensor'],
  engine: ['onnx', 'graph', 'tensor'],
  layers: ['graph', 'tensor'],
  models: ['layers', 'graph', 'tensor'],
  formats: ['models', 'layers', 'onnx', 'graph', 'tensor', 'files'],
  training: ['formats', 'models', 'layers', 'engine', 'data', 'image', 'graph', 'tensor', 'files'],
  applications: ['training', 'formats', 'models', 'layers', 'image', 'tensor', 'files'],
  // Diagrams show layers and models; report/ takes their types only.
  report: ['tensor', 'image', 'files', 'layers', 'models'],
  transfer: [
    'applications',
    'report',
    'training',
    'formats',
    'models',
    'layers',
    'engine',
    'data',
    'image',
    'onnx',
    'graph',
    'tensor',
    'files',
  ],
}

/** The door of a folder is its index.ts; formats/ has one door for each format, so that a reader of one loads no other. */
const isDoor = (path: string): boolean => /^src\/([^/]+|formats\/[^/]+)\/index\.ts$/.test(path)

/** The command line must answer `--help` at once, and `predict` starts a process for one photo, so these go past the door of a folder that loads much. */
const PAST_THE_DOOR: Readonly<Record<string, string>> = {
  'src/cli/main.ts → src/files/file-error.ts': 'the index of files/ loads the downloader',
  'src/cli/config-file.ts → src/files/file-error.ts': 'the index of files/ loads the downloader',
  'src/cli/demo.ts → src/files/file-error.ts': 'the index of files/ loads the downloader',
  'src/cli/go-on.ts → src/files/shell-word.ts': 'the index of files/ loads the downloader',
  'src/cli/export.ts → src/transfer/save-classifier.ts': 'where a classifier can be written is no part of the face of transfer/',
  'src/cli/open-classifier.ts → src/transfer/load-classifier.ts': 'the index of transfer/ loads plots and reports as well',
  'src/cli/open-classifier.ts → src/transfer/pretrained.ts': 'the index of transfer/ loads plots and reports as well',
  'src/cli/augment-preview.ts → src/data/table.ts': 'what is a table is no part of the face of data/',
  'src/cli/augment-preview.ts → src/report/contact-sheet.ts': 'where pictures stand on a sheet is no part of the face of report/',
  'src/cli/cache.ts → src/transfer/prepared.ts': 'the index of transfer/ loads the whole library',
  'src/cli/open-classifier.ts → src/transfer/prepared.ts': 'the index of transfer/ loads the whole library',
  'src/cli/photo-files.ts → src/data/bytes.ts': 'the index of data/ loads the feature store as well',
  'src/cli/photo-files.ts → src/data/names.ts': 'the index of data/ loads the feature store as well',
  'src/cli/photo-files.ts → src/data/picture-extensions.ts': 'the index of data/ loads the feature store as well',
  'src/cli/photo-files.ts → src/data/scan.ts': 'the index of data/ loads the feature store as well',
  'src/cli/table.ts → src/data/names.ts': 'the index of data/ loads the feature store as well',
  'src/cli/run-command-line.ts → src/transfer/version.ts': 'the index of transfer/ loads the whole library',
  'src/transfer/imagenet.ts → src/applications/labels.ts': 'the index of applications/ loads all layers',
  'src/transfer/prepared.ts → src/engine/session.ts': 'the index of engine/ loads graphs and what writes them',
  'src/transfer/prepared.ts → src/files/cache-home.ts': 'the index of files/ loads the downloader',
}

/** Files that may be longer than 300 lines, and why. */
const LONG: Readonly<Record<string, string>> = {}

const sources = sourcesIn('src')
const program = sources.filter((source) => !isTest(source) && !isGenerated(source))

interface Import {
  readonly from: string
  readonly to: string
}

const folderOf = (path: string): string => path.split('/')[1] ?? ''
const show = ({ from, to }: Import): string => `${from} → ${to}`

function localImports({ path, text }: Source): Import[] {
  const { importedFiles } = ts.preProcessFile(text, true, true)
  const local = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'))
  return local.map((name) => ({ from: path, to: join(dirname(path), name) }))
}

/** Imports from one folder of src/ into another. */
const crossing = program
  .filter(({ path }) => path.split('/').length > 2)
  .flatMap(localImports)
  .filter(({ from, to }) => folderOf(from) !== folderOf(to) && to !== 'src/errors.ts')

describe('src/', () => {
  it('has a row in the table of arrows for every folder', () => {
    const folders = new Set(program.filter(({ path }) => path.split('/').length > 2).map(({ path }) => folderOf(path)))
    expect([...folders].filter((folder) => folder !== 'cli' && !(folder in ALLOWED))).toEqual([])
  })

  it('follows the arrows', () => {
    // A parser that found nothing would find nothing wrong either.
    expect(crossing.length).toBeGreaterThan(100)
    const wrong = crossing.filter(({ from, to }) => folderOf(from) !== 'cli' && !(ALLOWED[folderOf(from)] ?? []).includes(folderOf(to)))
    expect(wrong.map(show)).toEqual([])
  })

  it('enters other folders through their index.ts', () => {
    const past = crossing.filter(({ to }) => !isDoor(to)).map(show)
    expect([...new Set(past)].sort()).toEqual(Object.keys(PAST_THE_DOOR).sort())
  })

  it('has no arrows in a circle', () => {
    const reaches = (from: string, to: string): boolean => (ALLOWED[from] ?? []).some((next) => next === to || reaches(next, to))
    expect(Object.keys(ALLOWED).filter((folder) => reaches(folder, folder))).toEqual([])
  })

  it('imports only what exists, with its .ts extension', () => {
    const known = new Set(sources.map(({ path }) => path))
    expect(
      program
        .flatMap(localImports)
        .filter(({ to }) => !known.has(to))
        .map(show),
    ).toEqual([])
  })

  it('loads ONNX Runtime in one place, which sees to it that nothing is reported', () => {
    const loading = program.filter(({ text }) => /(import\(|from )'onnxruntime-node'/.test(text.replaceAll(/^import type .*$/gm, '')))
    expect(loading.map(({ path }) => path)).toEqual(['src/engine/runtime.ts'])
  })

  it('imports what the build joins at the top of a file: import() of CommonJS loses the names in the bundle', () => {
    const joined = /const joined = \[(.*)\]/.exec(readFileSync(join(root, 'scripts/build.ts'), 'utf8'))?.[1]
    const names = Array.from(joined?.matchAll(/'([^']+)'/g) ?? [], ([, name]) => name!)
    expect(names).toContain('yaml')
    const late = program.flatMap(({ path, text }) =>
      names.filter((name) => text.includes(`import('${name}')`)).map((name) => `${path}: ${name}`),
    )
    expect(late).toEqual([])
  })

  it('keeps test cases out of the program', () => {
    expect(
      program
        .flatMap(localImports)
        .filter(({ to }) => /\.(test|cases)\.ts$/.test(to))
        .map(show),
    ).toEqual([])
  })
})

describe('every source file', () => {
  it('begins with a line that says what it is', () => {
    // A #! line must be the first one.
    const headed = /^(#!.*\n)?\/\*\*\s(\* )?@file \S/
    const without = program.filter(({ text }) => !headed.test(text.replace('/**\n * @file', '/** @file')))
    expect(without.map(({ path }) => path)).toEqual([])
  })

  it('has at most 300 lines', () => {
    const long = program.filter(({ text }) => text.split('\n').length > 301).map(({ path }) => path)
    expect(long).toEqual(Object.keys(LONG).sort())
  })

  it('switches off no check of types or lint', () => {
    const own = ['test', 'bench', 'scripts', 'examples'].flatMap(sourcesIn).filter(({ path }) => path !== 'test/architecture.test.ts')
    const off = /@ts-(ignore|nocheck|expect-error)|eslint-disable|\bas any\b|:\s*any\b(?!\s+\w)|<any>/
    const found = [...sources.filter((source) => !isGenerated(source)), ...own].filter(({ text }) => off.test(withoutProse(text)))
    expect(found.map(({ path }) => path)).toEqual([])
  })
})

/** Comments that are no orders to a tool may use any word. */
function withoutProse(text: string): string {
  return text.replaceAll(/\/\*\*[\s\S]*?\*\//g, '').replaceAll(/\/\/ (?!@ts|eslint).*/g, '')
}
