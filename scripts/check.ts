/**
 * @file `npm test`: types, build, package, docs, format, lint, then the tests; all of them run whatever fails.
 *
 * The last line counts every single test, and each of the other checks as one.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'rootstock-check-'))
const report = join(folder, 'tests.json')

/** Name, and the arguments after `node`. */
type Check = readonly [name: string, ...args: string[]]

/** Two lanes side by side, one for each core of a small machine. */
const lanes: readonly (readonly Check[])[] = [
  [
    ['types', binary('typescript/bin/tsc'), '-p', '.'],
    ['build', binary('tsx/dist/cli.mjs'), 'scripts/build.ts'],
    ['package', binary('publint/src/cli.js'), '--strict', '--pack', 'false'],
    ['docs', binary('typedoc/bin/typedoc'), '--emit', 'none', '--logLevel', 'Warn'],
  ],
  [
    ['lint', binary('eslint/bin/eslint.js'), '.'],
    ['format', binary('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
  ],
]

const results = (await Promise.all(lanes.map(inTurn))).flat()
// The tests speak while they run, since they take minutes.
const tests: Check = ['tests', binary('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const all = [...results, testCounts(await run(tests, 'inherit'))]
rmSync(folder, { recursive: true, force: true })

const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0)
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
process.exitCode = sum('failed') > 0 ? 1 : 0

function binary(path: string): string {
  return join(root, 'node_modules', path)
}

async function inTurn(checks: readonly Check[]): Promise<Counts[]> {
  const counts: Counts[] = []
  for (const check of checks) {
    const outcome = (await run(check, 'pipe')) ? 'passed' : 'failed'
    counts.push({ passed: 0, failed: 0, skipped: 0, [outcome]: 1 })
  }
  return counts
}

/** Runs one check to its end, without a terminal to ask at, and says how long it took. Piped output comes in one piece at its end. */
async function run([name, ...args]: Check, output: 'inherit' | 'pipe'): Promise<boolean> {
  const started = performance.now()
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', output, output] })
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => parts.push(part))
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  process.stdout.write(Buffer.concat(parts))
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(8)} ${((performance.now() - started) / 1000).toFixed(0)} s`)
  return status === 0
}

/** A run that failed otherwise than by a test (a file that does not load, an error outside of tests) counts as one failure more. */
function testCounts(ok: boolean): Counts {
  const found = readReport()
  const failed = found.failed === 0 && !ok ? 1 : found.failed
  return { ...found, failed }
}

function readReport(): Counts {
  try {
    const numbers = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>
    const of = (kind: string): number => numbers[`num${kind}Tests`] ?? 0
    return { passed: of('Passed'), failed: of('Failed'), skipped: of('Pending') + of('Todo') }
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}
