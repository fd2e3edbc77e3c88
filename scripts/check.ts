/**
 * @file `npm test`: build, types, package, lint, docs, format, tests, one after the other; all of them run whatever fails.
 *
 * The last line counts every single test, and each of the other checks as one.
 */
import { spawnSync } from 'node:child_process'
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

/** Name, and the arguments after `node`; the tests come last. */
const checks: readonly (readonly [name: string, ...args: string[]])[] = [
  ['types', binary('typescript/bin/tsc'), '-p', '.'],
  ['build', binary('tsx/dist/cli.mjs'), 'scripts/build.ts'],
  ['package', binary('publint/src/cli.js'), '--strict', '--pack', 'false'],
  ['lint', binary('eslint/bin/eslint.js'), '.'],
  ['docs', binary('typedoc/bin/typedoc'), '--emit', 'none', '--logLevel', 'Warn'],
  ['format', binary('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
]

const results = checks.map(([name, ...args]): Counts => (run(name, args) ? one('passed') : one('failed')))
const ok = run('tests', [binary('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`])
const all = [...results, testCounts(ok)]
rmSync(folder, { recursive: true, force: true })

const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0)
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
process.exitCode = sum('failed') > 0 ? 1 : 0

function binary(path: string): string {
  return join(root, 'node_modules', path)
}

function one(outcome: 'passed' | 'failed'): Counts {
  return { passed: 0, failed: 0, skipped: 0, [outcome]: 1 }
}

/** Runs one check to its end, without a terminal to ask at, and says how long it took. */
function run(name: string, args: readonly string[]): boolean {
  const started = performance.now()
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
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
