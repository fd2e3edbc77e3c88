/**
 * @file Rootstock against Keras and PyTorch on this machine, by turns, as one markdown table. The peers are installed from PyPI into an
 * environment of their own; needs Python 3.10.
 *
 *   npx tsx bench/peers.ts [--row NAME]… [--seconds 30] [--turns 5] [--scale 1] [--epochs 10] [--photos FOLDER] [--venv FOLDER] [--files FOLDER]
 *
 * A row is chosen by its name or the beginning of it; `--row list` lists them. `--seconds` and `--turns` are both the least of each row;
 * `--scale 0.1` and `--epochs` shorten the tutorial's job, which takes Keras 40 minutes; in the row `whole` they shorten Keras's side alone.
 * `--photos` is a folder of photos to make the row's photos of. Environment and photos are kept in the folder for temporary files, or where
 * `--venv` and `--files` say.
 */
import { readFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { RootstockError, unknownName } from '../src/errors.ts'
import { execute, machine, preparePython } from './peers/environment.ts'
import { filesFor } from './peers/files.ts'
import { builtSide, measure } from './peers/measure.ts'
import { rows, tutorialEpochs, type Row } from './peers/rows.ts'
import { head } from './peers/table.ts'

const root = join(import.meta.dirname, '..')

const { values: flags } = parseArgs({
  options: {
    row: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '30' },
    turns: { type: 'string', default: '5' },
    venv: { type: 'string', default: join(tmpdir(), 'rootstock-peers', 'venv') },
    files: { type: 'string', default: join(tmpdir(), 'rootstock-peers', 'files') },
    photos: { type: 'string' },
    scale: { type: 'string', default: '1' },
    epochs: { type: 'string', default: `${tutorialEpochs}` },
  },
})

try {
  await main()
} catch (error) {
  if (!(error instanceof RootstockError)) throw error
  console.error(`${error.message}\n${error.hint ?? ''}`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const chosen = chooseRows(flags.row)
  const scale = positive('scale')
  const patience = { seconds: positive('seconds'), turns: positive('turns') }
  if (flags.row?.includes('list')) return console.log(rows.map(({ name }) => name).join('\n'))
  const { python, versions } = preparePython(flags.venv, [...new Set(chosen.map(({ peer }) => peer))])
  console.error('Building the package')
  execute(process.execPath, ['--import', 'tsx', join(root, 'scripts/build.ts')], 'Run npm ci first')
  await build({ entryPoints: [join(root, 'bench/peers/ours.ts')], outfile: join(root, builtSide), bundle: true, format: 'esm', platform: 'node', packages: 'external' }) // prettier-ignore
  console.log(`${new Date().toISOString().slice(0, 10)}, ${machine()}`)
  console.log(
    `Load of the machine at the beginning: ${loadavg()[0]?.toFixed(1)}. Node ${process.version}, onnxruntime-node ${engineVersion()}, ${versions.join(', ')}`,
  )
  console.log(`npx tsx bench/peers.ts ${process.argv.slice(2).join(' ')}\n\n${head}`)
  const place = { python, patience, root, scale, epochs: positive('epochs') }
  for (const row of chosen) {
    const given = await filesFor(row, { root, python, kept: flags.files, photos: flags.photos, scale })
    await measure(row, { ...place, given })
  }
}

function chooseRows(names: readonly string[] = ['']): Row[] {
  for (const name of names) {
    if (name === 'list' || rows.some((row) => row.name.startsWith(name))) continue
    throw unknownName('row', name, rows.map((row) => row.name)) // prettier-ignore
  }
  return rows.filter((row) => names.some((name) => row.name.startsWith(name)))
}

/** Everything but seconds and the scale is a whole number. */
function positive(flag: 'seconds' | 'turns' | 'scale' | 'epochs'): number {
  const number = Number(flags[flag])
  const mayBeFraction = flag === 'seconds' || flag === 'scale'
  if (number > 0 && (mayBeFraction || Number.isInteger(number))) return number
  throw new RootstockError('USAGE', `Invalid --${flag}: found ${flags[flag]}, expected a ${mayBeFraction ? '' : 'whole '}number above 0`)
}

function engineVersion(): string {
  const file = join(root, 'node_modules/onnxruntime-node/package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
