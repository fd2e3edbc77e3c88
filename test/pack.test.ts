/**
 * @file The package as `npm pack` makes it, unpacked into an empty folder with nothing but its own dependencies: what is in it, that it
 * works as a library and as a command, that its types resolve, that the Dockerfile finds what it copies.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isTest, root, sourcesIn } from './sources.ts'

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const tsx = join(root, 'node_modules/tsx/dist/cli.mjs')
const program = sourcesIn('src').filter((source) => !isTest(source))

const base = mkdtempSync(join(tmpdir(), 'rootstock-pack-'))
const project = join(base, 'project')
let packed: readonly string[] = []
let megabytes = 0

beforeAll(() => {
  const stage = join(base, 'stage')
  for (const name of ['package.json', 'README.md', 'LICENSE', 'embedded', 'schema'])
    cpSync(join(root, name), join(stage, name), { recursive: true })
  cpSync(freshBuild(), join(stage, 'dist'), { recursive: true })
  const shown = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', base], { ...shell, cwd: stage })
  const [{ files, filename, size }] = JSON.parse(shown.toString()) as [{ files: { path: string }[]; filename: string; size: number }]
  packed = files.map(({ path }) => path)
  megabytes = size / 1e6
  install(join(base, filename))
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

/** npm is a script on Windows. */
const shell = { stdio: 'pipe', shell: process.platform === 'win32' } as const

/** dist/ if it is newer than every source, as it is within `npm test`; else a build of its own. */
function freshBuild(): string {
  const dist = join(root, 'dist')
  const built = existsSync(join(dist, 'index.d.ts')) ? statSync(join(dist, 'index.d.ts')).mtimeMs : 0
  if (program.every(({ path }) => statSync(join(root, path)).mtimeMs <= built)) return dist
  const out = join(base, 'built')
  // Types are checked elsewhere.
  execFileSync(process.execPath, [tsx, 'scripts/build.ts', '--unchecked', '--out', out], { cwd: root, stdio: 'pipe' })
  return out
}

/** What `npm install TARBALL` does, without a registry: dependencies are links to the repository's, and only those that the package names. */
function install(tarball: string): void {
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, 'rootstock'), { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', join(modules, 'rootstock'), '--strip-components=1'], { stdio: 'pipe' })
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction')
  }
  const main = join(modules, 'rootstock', 'dist', 'cli', 'main.js')
  mkdirSync(join(modules, '.bin'))
  chmodSync(main, 0o755)
  if (process.platform !== 'win32') symlinkSync(main, join(modules, '.bin', 'rootstock'))
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
}

describe('the tarball', () => {
  it('holds every built file, the embedded network, licence and README', () => {
    // Code is built into few files; declarations stay apart, those of the command are of no use.
    const declared = program.filter(({ path }) => !path.startsWith('src/cli/')).map(({ path }) => path.replace(/^src/, 'dist').replace(/ts$/, 'd.ts')) // prettier-ignore
    const entries = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? target : [target.types, target.default],
    )
    const expected = [...declared, ...entries.map((path) => path.replace('./', '')), 'dist/cli/main.js', 'LICENSE', 'README.md']
    expect(expected.filter((path) => !packed.includes(path))).toEqual([])
    expect(packed.some((path) => path.startsWith('embedded/'))).toBe(true)
  })

  it('holds nothing of the tests, and no sources', () => {
    expect(packed.filter((path) => /\.(test|cases)\./.test(path) || /^(src|test|\.cache|node_modules)\//.test(path))).toEqual([])
    expect(packed.filter((path) => !/^(dist|embedded|schema)\//.test(path)).sort()).toEqual(['LICENSE', 'README.md', 'package.json'])
  })

  it('is about as large as the README says', () => {
    const said = /The tarball has ([\d.]+) MB/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]
    expect(Math.abs(megabytes - Number(said))).toBeLessThan(0.15)
  })
})

describe('in an empty project', () => {
  it('works as a library', () => {
    const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.json'))
    const lines = entries.map((entry, i) => `import * as m${i} from 'rootstock${entry.slice(1)}'`)
    const code = `${lines.join('\n')}
      const input = m0.layers.input({ shape: [2] })
      const net = m0.model({ inputs: input, outputs: m0.layers.dense({ units: 1 })(input) })
      const { shape } = await net.predict(m0.tensor([1, 2, 3, 4], [2, 2]))
      console.log(JSON.stringify([shape, [${entries.map((_, i) => `Object.keys(m${i}).length > 0`).join()}].every(Boolean)]))
      await net.dispose()`
    writeFileSync(join(project, 'use.mjs'), code)
    const { stdout, stderr } = spawnSync(process.execPath, ['use.mjs'], { cwd: project, encoding: 'utf8' })
    expect(stdout.trim(), stderr).toBe('[[2,1],true]')
  })

  it.skipIf(process.platform === 'win32')('works as a command', () => {
    const npx = (...argv: string[]) => spawnSync('npx', ['--no-install', 'rootstock', ...argv], { cwd: project, encoding: 'utf8' })
    expect(npx('--version').stdout.trim()).toBe(manifest.version)
    const { status, stdout, stderr } = npx('doctor', '--json')
    expect([status, (JSON.parse(stdout) as { ok?: boolean }).ok !== false], stderr).toEqual([0, true])
  })

  it.each([
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('has types that resolve: module %s, moduleResolution %s', (module, moduleResolution) => {
    const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.json'))
    const uses = entries.map((entry, i) => `import * as m${i} from 'rootstock${entry.slice(1)}'\nexport type T${i} = keyof typeof m${i}`)
    const call = `const best: Promise<m0.Prediction[]> = m0.loadClassifier('runs/pets').then((c) => c.predict('cat.jpg', { top: 1 }))`
    // Declarations are checked in two of the three: that takes seconds. A name that is not there must be an error: types that do not resolve would be `any`.
    const wrong = `m0.noSuchName\nexport { best }`
    writeFileSync(join(project, 'use.ts'), [...uses, call, wrong].join('\n'))
    const strict = { strict: true, noEmit: true, target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] }
    const compilerOptions = { ...strict, module, moduleResolution, skipLibCheck: module === 'node16' }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: project, encoding: 'utf8' })
    expect(stdout).toMatch(/^use\.ts\(\d+,\d+\): error TS2339: Property 'noSuchName' [^\n]+\n$/)
    expect(status).not.toBe(0)
  })
})

it('the Dockerfile copies files that are here', () => {
  const copies = [...readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
  const sources = copies.flatMap(([, words]) => words!.split(' '))
  expect(sources.length).toBeGreaterThan(5)
  expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([])
})
