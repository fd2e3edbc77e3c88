/** @file A training process that is killed at random moments, again and again, ends with the bits of one that never was. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { random } from '../src/tensor/index.ts'
import { builtMain, root } from './cli/built.cases.ts'

const KILLS = 30
const SEED = process.env['ROOTSTOCK_KILL_SEED'] ?? '1'

/** As many as users have, not the one of the other tests. */
const threads = { ROOTSTOCK_THREADS: '2' }

const scratch = mkdtempSync(join(tmpdir(), 'rootstock-kill-'))
const running = new Set<ChildProcess>()
afterAll(() => {
  running.forEach((child) => child.kill('SIGKILL'))
  rmSync(scratch, { recursive: true, force: true })
})

let library = ''
const script = join(scratch, 'child.mjs')

beforeAll(() => {
  library = pathToFileURL(join(dirname(builtMain()), '..')).href
  const source = readFileSync(join(root, 'test/resume-child.ts'), 'utf8')
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  writeFileSync(script, ts.transpileModule(source, { compilerOptions: options }).outputText)
}, 60_000)

type Moment = { readonly from: 'start' | 'training'; readonly ms: number } | undefined

/** Runs the child until it ends or is killed; returns its exit code (null: killed). */
function train(folder: string, moment?: Moment): Promise<{ code: number | null; stderr: string }> {
  mkdirSync(folder, { recursive: true })
  const child = spawn(process.execPath, [script, library, folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...threads },
  })
  running.add(child)
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const kill = (): void => void setTimeout(() => child.kill('SIGKILL'), moment?.ms)
  if (moment?.from === 'start') kill()
  if (moment?.from === 'training') child.stdout.once('data', kill)
  else child.stdout.resume()
  return new Promise((resolve) =>
    child.once('close', (code) => {
      running.delete(child)
      resolve({ code, stderr })
    }),
  )
}

/** What a run leaves, as hashes; texts as they are. */
function contentsOf(folder: string): Record<string, string> {
  const names = ['best.weights.h5', 'last.ckpt/state.safetensors', 'log.csv', 'result.json']
  const content = (name: string): string => {
    const bytes = readFileSync(join(folder, name))
    return name === 'log.csv' ? bytes.toString() : createHash('sha256').update(bytes).digest('hex')
  }
  return Object.fromEntries(names.map((name) => [name, content(name)]))
}

it(`a run killed at ${KILLS} random moments ends with the same bits (ROOTSTOCK_KILL_SEED=${SEED})`, { timeout: 240_000 }, async () => {
  const whole = join(scratch, 'whole')
  expect(await train(whole)).toEqual({ code: 0, stderr: '' })
  const expected = contentsOf(whole)
  const rng = random(`kills/${SEED}`)
  let kills = 0
  let runs = 0
  const moments: string[] = []
  while (kills < KILLS) {
    const folder = join(scratch, `run-${runs++}`)
    while (!existsSync(join(folder, 'result.json'))) {
      const moment: Moment =
        kills >= KILLS
          ? undefined
          : rng.uniform() < 0.2
            ? { from: 'start', ms: rng.integer(600) }
            : { from: 'training', ms: rng.integer(250) }
      const { code, stderr } = await train(folder, moment)
      const note = moment ? `${moment.from} + ${moment.ms} ms` : 'to its end'
      expect(stderr, `${moments.join(', ')}, ${note}`).toBe('')
      if (code === null) {
        kills++
        moments.push(note)
        continue
      }
      expect(code).toBe(0)
    }
    expect(contentsOf(folder), `killed at ${moments.join(', ')}`).toEqual(expected)
    const left = [...readdirSync(folder), ...readdirSync(join(folder, 'last.ckpt'))].filter((name) => name.endsWith('.tmp'))
    expect(left.filter((name) => !name.includes('best.weights.h5'))).toEqual([])
  }
  console.log(`${kills} kills in ${runs} runs: ${moments.join(', ')}`)
})
