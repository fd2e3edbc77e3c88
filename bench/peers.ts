/**
 * @file Rootstock against Keras and PyTorch on this machine, by turns, as one markdown table. The peers are installed from PyPI into an
 * environment of their own; needs Python 3.10.
 *
 *   npx tsx bench/peers.ts [--row NAME]… [--seconds 30] [--turns 5] [--venv FOLDER]
 *
 * A row is chosen by its name or the beginning of it; `--row list` lists them.
 */
import { readFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RootstockError, unknownName } from '../src/errors.ts'
import { execute, machine, preparePython } from './peers/environment.ts'
import { measure } from './peers/measure.ts'
import { rows, type Row } from './peers/rows.ts'
import { head } from './peers/table.ts'

const root = join(import.meta.dirname, '..')

const { values: flags } = parseArgs({
  options: {
    row: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '30' },
    turns: { type: 'string', default: '5' },
    venv: { type: 'string', default: join(tmpdir(), 'rootstock-peers') },
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
  const patience = { seconds: positive('seconds'), turns: positive('turns') }
  if (flags.row?.includes('list')) return console.log(rows.map(({ name }) => name).join('\n'))
  const { python, versions } = preparePython(flags.venv, [...new Set(chosen.map(({ peer }) => peer))])
  console.error('Building the package')
  execute(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], 'Run npm ci first')
  console.log(`${new Date().toISOString().slice(0, 10)}, ${machine()}`)
  console.log(
    `Load of the machine at the beginning: ${loadavg()[0]?.toFixed(1)}. Node ${process.version}, onnxruntime-node ${engineVersion()}, ${versions.join(', ')}`,
  )
  console.log(`npx tsx bench/peers.ts ${process.argv.slice(2).join(' ')}\n\n${head}`)
  for (const row of chosen) await measure(row, { python, patience, root })
}

function chooseRows(names: readonly string[] = ['']): Row[] {
  for (const name of names) {
    if (name === 'list' || rows.some((row) => row.name.startsWith(name))) continue
    throw unknownName('row', name, rows.map((row) => row.name)) // prettier-ignore
  }
  return rows.filter((row) => names.some((name) => row.name.startsWith(name)))
}

function positive(flag: 'seconds' | 'turns'): number {
  const number = Number(flags[flag])
  if (number >= 0 && (flag === 'seconds' || Number.isInteger(number))) return number
  throw new RootstockError('USAGE', `Invalid --${flag}: found ${flags[flag]}, expected a number`)
}

function engineVersion(): string {
  const file = join(root, 'node_modules/onnxruntime-node/package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
