/** @file Runs the command line as its users do, and makes the folders that its tests need. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { ANIMALS, drawAnimal } from '../../src/image/index.ts'
import { builtMain, root } from './built.cases.ts'

/** How a command ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = builtMain()

/** Settings under which nothing is downloaded, coloured or taken from the user's own folders. */
const quiet = { ROOTSTOCK_OFFLINE: '1', NO_COLOR: '1', FORCE_COLOR: '', ROOTSTOCK_DEBUG: '', ROOTSTOCK_WEIGHTS: '', ROOTSTOCK_MIRROR: '' }

/** Commands that still run; a failed test must not leave them behind. */
const running = new Set<ChildProcess>()
afterAll(() => running.forEach((child) => child.kill('SIGKILL')))

/** Starts `rootstock` in the project's folder. */
export function start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const inherited = { ...process.env, ...quiet, ROOTSTOCK_HOME: join(tmpdir(), 'rootstock-no-such-home') }
  const child = spawn(process.execPath, [main, ...argv], { cwd: root, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

/** Waits for the end of a started command. */
export function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (part: Buffer) => (stdout += part.toString()))
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

/** Runs `rootstock` to its end. */
export function rootstock(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return ended(start(argv, env))
}

/** Runs a command with --json and returns its object, which must be the only line of stdout. */
export async function rootstockJson(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended & { readonly json: Record<string, unknown> }> {
  const result = await rootstock([...argv, '--json'], env)
  expect(result.stdout, result.stderr).toMatch(/^\{.*\}\n$/)
  return { ...result, json: JSON.parse(result.stdout) as Record<string, unknown> }
}

/** Checks that a command ended with `code` and one line on stderr that matches, and no stack trace. */
export function expectRefusal({ code, stderr }: Ended, expected: { readonly code: number; readonly says: RegExp }): void {
  expect(stderr).toMatch(/^rootstock: [^\n]+\n$/)
  expect(stderr).toMatch(expected.says)
  expect(stderr).not.toMatch(/\n\s+at |node:internal/)
  expect(code, stderr).toBe(expected.code)
}

/** A folder that is gone after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rootstock-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `count` drawings of each animal: cat.0.jpg … in `folder`. */
export async function drawPhotos(folder: string, count: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (const kind of ANIMALS) for (let i = 0; i < count; i++) writeFileSync(join(folder, `${kind}.${i}.jpg`), await drawAnimal(kind, i, 48))
}

/** `count` drawings of each animal in one folder per class. */
export async function drawClasses(folder: string, count: number): Promise<void> {
  for (const kind of ANIMALS) {
    mkdirSync(join(folder, kind), { recursive: true })
    for (let i = 0; i < count; i++) writeFileSync(join(folder, kind, `${i}.jpg`), await drawAnimal(kind, i, 48))
  }
}

/** The smallest network there is: random weights, a quarter of the width, 32 pixels. */
export const SMALL = ['--network', 'mobilenet', '--alpha', '0.25', '--size', '32', '--weights', 'none', '--head', 'none'] as const
