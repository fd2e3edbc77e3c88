/** @file Holds what the package asks of those who install it: its dependencies, exact versions, no install scripts. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { isTest, root, sourcesIn } from './sources.ts'

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly scripts: Readonly<Record<string, string>>
}

/** Why each dependency is worth its place. docs/decisions.md compares the alternatives. */
const DEPENDENCIES: Readonly<Record<string, string>> = {
  '@bufbuild/protobuf': 'reads and writes ONNX messages',
  '@hpcc-js/wasm-graphviz': 'lays out diagrams of networks',
  '@resvg/resvg-js': 'turns SVG into PNG',
  '@node-rs/crc32': 'check sums of event files',
  commander: 'reads the command line',
  'csv-parse': 'reads tables of labels and histories',
  'd3-scale': 'scales of plots',
  'd3-shape': 'lines of plots',
  'dejavu-fonts-ttf': 'the font of plots, so that they look alike everywhere',
  h5wasm: 'writes HDF5 files',
  lmdb: 'keeps features by content',
  'onnxruntime-node': 'computes',
  picocolors: 'colours in the terminal',
  sharp: 'decodes pictures',
  undici: 'downloads through proxies and watches every address',
  yaml: 'writes the settings of a run',
  yauzl: 'reads .keras files (zip), declared sizes checked',
  yazl: 'writes .keras files (zip)',
  zod: 'checks files and options at the door',
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const program = sourcesIn('src').filter((source) => !isTest(source))

/** The package that an import names. */
const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')

const imported = new Set(
  program
    .flatMap(({ text }) => ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName))
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    .map(packageOf),
)

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

describe('package-lock.json', () => {
  // npm ci refuses a lock file with a gap. Gaps come from registries that lack the binaries of other platforms: see `overrides`.
  it('holds every package that another one asks for', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      readonly packages: Readonly<Record<string, Locked>>
    }
    const held = new Set(Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)))
    const asked = Object.values(lock.packages).flatMap((entry) => Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }))
    expect(held.size).toBeGreaterThan(100)
    expect(asked.filter((name) => !held.has(name))).toEqual([])
  })
})

describe('the binaries', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, unknown>>
  }
  const held = Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))

  it.each(['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64'])('of %s are among the dependencies', (platform) => {
    const native = ['@img/sharp', '@lmdb/lmdb', '@node-rs/crc32', '@resvg/resvg-js']
    expect(native.filter((name) => !held.some((other) => other.startsWith(`${name}-${platform}`)))).toEqual([])
    // The engine carries those of every platform in one package.
    const [system = '', processor = ''] = platform.split('-')
    expect(existsSync(join(root, 'node_modules/onnxruntime-node/bin/napi-v6', system, processor))).toBe(true)
  })
})

describe('package.json', () => {
  it('lists the dependencies that are argued for', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(Object.keys(DEPENDENCIES).sort())
  })

  it('lists every package that src/ imports', () => {
    expect(imported.size).toBeGreaterThan(5)
    expect([...imported].filter((name) => !(name in manifest.dependencies))).toEqual([])
  })

  it('pins exact versions', () => {
    const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  })

  it('exports only files that the build makes', () => {
    const targets = Object.values(manifest.exports).flatMap((target) => (typeof target === 'string' ? [] : [target]))
    const sources = targets.map((target) => target.default.replace('./dist/', 'src/').replace(/js$/, 'ts'))
    expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([])
    expect(targets.filter((target) => target.types !== target.default.replace(/js$/, 'd.ts'))).toEqual([])
  })

  it('runs nothing when it is installed', () => {
    expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([])
  })
})
