/**
 * @file `npm run build`: declarations as tsc writes them, the library and the command in a few files instead of hundreds, since a cold process
 * spends a third of its time on opening modules. `--out FOLDER` for another folder than dist/, `--unchecked` without looking at the types.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type BuildOptions, type Plugin } from 'esbuild'

const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist' }, unchecked: { type: 'boolean', default: false } } })
const root = join(import.meta.dirname, '..')
const dist = resolve(root, values.out)
const cli = join(dist, 'cli')
/** Small and in plain JavaScript: they go into our own files. The others bring native code, or are rarely needed. */
const joined = ['zod', '@bufbuild/protobuf', 'commander', 'picocolors', 'd3-scale', 'd3-shape', 'csv-parse', 'yaml', 'yazl', 'yauzl']

/** zod brings its messages in fifty languages, a sixth of all that a cold process would read; our messages are English. */
const english: Plugin = {
  name: 'english',
  setup(bundler) {
    bundler.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js'",
      resolveDir: dirname(path),
    }))
  },
}

rmSync(dist, { recursive: true, force: true })
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const flags = ['-p', 'tsconfig.build.json', '--outDir', dist, ...(values.unchecked ? ['--noCheck'] : [])]
const { status } = spawnSync(process.execPath, [tsc, ...flags], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const { dependencies, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
  exports: Record<string, string | { default: string }>
}
const shared: BuildOptions = {
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.9',
  nodePaths: [join(root, 'node_modules')],
  external: Object.keys(dependencies).filter((name) => !joined.includes(name)),
  // commander is CommonJS.
  banner: { js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);" },
  plugins: [english],
  logLevel: 'warning',
}
const entries = Object.values(exports).flatMap((target) => (typeof target === 'string' ? [] : [target.default]))
/** What threads of the engine begin with. */
const lane = 'dist/engine/lane.js'
const compiled = filesIn(dist)
// Parts lie one folder below dist/, as the sources lie below src/, so that paths to files of the package hold from every part.
const made = [
  ...(await bundle({ entryPoints: [join(cli, 'main.js')], outdir: cli, chunkNames: '[name]-[hash]', minifyWhitespace: true, minifySyntax: true })), // prettier-ignore
  ...(await bundle({ entryPoints: [...entries, lane].map(inDist), outdir: dist, outbase: dist, chunkNames: 'parts/[name]-[hash]' })),
]
for (const path of compiled) if (!made.includes(path) && (path.endsWith('.js') || path.startsWith(cli + sep))) rmSync(path)

async function bundle(options: BuildOptions): Promise<string[]> {
  const { metafile } = await build({ ...shared, ...options, metafile: true })
  return Object.keys(metafile.outputs).map((path) => resolve(path))
}

function inDist(path: string): string {
  return join(dist, relative('dist', path))
}

function filesIn(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
  return found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}
