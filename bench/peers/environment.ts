/** @file The Python environment of the peers, and what machine and versions a table was measured with. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { messageOf, RootstockError } from '../../src/errors.ts'
import type { Row } from './rows.ts'

type Peer = Row['peer']

/** From PyPI. Photos are made with pillow, which Keras reads them with, too. */
const packages: Readonly<Record<Peer, readonly string[]>> = {
  keras: ['keras==3.15.1', 'tensorflow-cpu==2.21.0', 'pillow==13.0.0'],
  torch: ['torch==2.15.0', 'timm==1.0.31', 'pillow==13.0.0'],
}

/** Instructions that decide how fast 8-bit and bf16 products are. */
const flags = ['avx2', 'avx512f', 'avx_vnni', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8']

export interface Python {
  readonly python: string
  /** Name and version of each package that is used. */
  readonly versions: readonly string[]
}

/** Makes the environment where there is none, installs what is missing in it, and tells the versions in it. */
export function preparePython(folder: string, peers: readonly Peer[]): Python {
  const python = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python')
  if (!existsSync(python)) makeEnvironment(folder)
  const wanted = [...new Set(peers.flatMap((peer) => packages[peer]))]
  const names = wanted.map((pinned) => pinned.split('==')[0]!)
  let found = versionsIn(python, names)
  const missing = wanted.filter((_, i) => found[i] === null)
  if (missing.length > 0) {
    console.error(`Installing ${missing.join(', ')} into ${folder}: up to some gigabytes, once`)
    execute(
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...missing],
      'Needs PyPI, or a mirror of it that pip is set up for',
    )
    found = versionsIn(python, names)
  }
  const versions = names.map((name, i) => `${name} ${found[i] ?? '?'}`)
  const others = wanted.filter((pinned, i) => pinned !== `${names[i]}==${found[i]}`)
  if (others.length > 0) console.error(`Note: ${folder} has ${versions.join(', ')}; the benchmark was written for ${others.join(', ')}`)
  return { python, versions }
}

function makeEnvironment(folder: string): void {
  const check = 'import sys, ensurepip; sys.exit(sys.version_info < (3, 10))'
  execute('python3', ['-c', check], 'Install Python 3.10 or newer with its venv module (Debian: python3-venv)')
  execute('python3', ['-m', 'venv', folder], 'Choose another folder with --venv')
}

function versionsIn(python: string, names: readonly string[]): (string | null)[] {
  const script = `
import importlib.metadata, json, sys
def version(name):
    try: return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError: return None
print(json.dumps([version(name) for name in sys.argv[1:]]))`
  return JSON.parse(execute(python, ['-c', script, ...names], 'Remove the environment, or choose another with --venv')) as (string | null)[]
}

/** Output of a command that has to succeed. */
export function execute(command: string, args: readonly string[], hint: string): string {
  const { status, stdout, error } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status === 0) return stdout
  const reason = error ? messageOf(error) : `it ended with ${status}`
  throw new RootstockError('FILE', `Cannot run ${command} ${args[0] === '-c' ? '' : args.join(' ')}: ${reason}`, { hint })
}

/** Processor and memory in one line. */
export function machine(): string {
  const has = flags.filter((flag) => processorFlags().includes(flag))
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus()[0]?.model ?? 'unknown processor'} (${has.join(', ')}), ${cpus().length} cores, ${memory} GiB, ${process.platform} ${process.arch}`
}

function processorFlags(): string[] {
  if (!existsSync('/proc/cpuinfo')) return []
  return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' ') ?? []
}
