/**
 * @file `npm run build`: the library as tsc writes it, and the command in a few files instead of hundreds, since a cold process spends a third
 * of its time on opening modules. `--out FOLDER` for another folder than dist/, `--unchecked` without looking at the types.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type Plugin } from 'esbuild'

const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist' }, unchecked: { type: 'boolean', default: false } } })
const root = join(import.meta.dirname, '..')
const dist = resolve(root, values.out)
const cli = join(dist, 'cli')
/** Small and in plain JavaScript: they go into the command's own files. The others bring native code, or are rarely needed. */
const joined = ['zod', '@bufbuild/protobuf', 'commander', 'picocolors', 'd3-scale', 'd3-shape', 'csv-parse', 'yaml', 'yazl', 'yauzl']

/** zod brings its messages in fifty languages, a sixth of all that a cold process would read; the command speaks English. */
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
const flags = ['-p', 'tsconfig.build.json', '--outDir', dist, ...(values.unchecked ? ['--noCheck', '--declaration', 'false'] : [])]
const { status } = spawnSync(process.execPath, [tsc, ...flags], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
const parts = readdirSync(cli).filter((name) => name !== 'main.js')
await build({
  entryPoints: [join(cli, 'main.js')],
  outdir: cli,
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.9',
  // Beside main.js, so that paths to files of the package hold from every part.
  chunkNames: '[name]-[hash]',
  external: Object.keys(dependencies).filter((name) => !joined.includes(name)),
  // commander is CommonJS.
  banner: { js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);" },
  plugins: [english],
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
})
for (const name of parts) rmSync(join(cli, name), { recursive: true, force: true })
