/** @file Exit codes: the table of docs/exit-codes.md, and a command that ends with each. Signals are in main-job.test.ts. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { EXIT_CODES, SIGNAL_CODES, exitCodeOf } from '../../src/cli/exit-codes.ts'
import { RootstockError, type ErrorCode } from '../../src/errors.ts'
import { builtMain, root } from './built.cases.ts'
import { drawClasses, ended, rootstockJson, scratchFolder, SMALL, start } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)

beforeAll(async () => {
  await drawClasses(at('photos'), 8)
  mkdirSync(at('empty'))
  mkdirSync(at('weights'))
  for (const name of ['junk.jpg', 'junk.onnx', 'file', 'weights/mobilenet_2_5_224_tf.h5']) writeFileSync(at(name), 'junk')
})

interface Row {
  readonly code: ErrorCode
  readonly argv: () => readonly string[]
  readonly env?: () => Readonly<Record<string, string>>
}

const photo = (): string => at('photos', 'cat', '0.jpg')

/** What a command can be made to meet at once; SHAPE and CALLBACK come from tensors and callbacks of one's own, NAN_LOSS from a training that diverges. */
const rows: readonly Row[] = [
  { code: 'USAGE', argv: () => ['train'] },
  { code: 'UNKNOWN_NAME', argv: () => ['trian'] },
  { code: 'DATA', argv: () => ['train', at('empty'), ...SMALL] },
  { code: 'IMAGE', argv: () => ['augment-preview', at('junk.jpg'), '--flip', 'both', '--out', at('sheet.png')] },
  {
    code: 'WEIGHTS',
    argv: () => ['predict', 'mobilenet', photo(), '--alpha', '0.25'],
    env: () => ({ ROOTSTOCK_WEIGHTS: at('weights') }),
  },
  { code: 'FORMAT', argv: () => ['predict', at('junk.onnx'), photo()] },
  { code: 'NETWORK', argv: () => ['predict', 'vgg16', photo()] },
  { code: 'FILE', argv: () => ['plot', at('nothing')] },
  { code: 'ENGINE', argv: () => ['doctor'], env: () => ({ ROOTSTOCK_HOME: at('file') }) },
]

describe.concurrent('a command that fails', () => {
  it.each(rows)('with $code has the exit code of the table', async ({ code, argv, env }) => {
    const { code: exit, json, stderr } = await rootstockJson(argv(), env?.() ?? {})
    expect((json['error'] as { code: string }).code, stderr).toBe(code)
    expect(exit, stderr).toBe(EXIT_CODES[code])
    expect(stderr).toMatch(/^rootstock: [^\n]+\n$/m)
  })

  it('with anything else has 1', () => {
    expect(exitCodeOf(new Error('x'))).toBe(1)
    for (const code of ['SHAPE', 'NAN_LOSS', 'CALLBACK'] as const) expect(exitCodeOf(new RootstockError(code, 'x'))).toBe(EXIT_CODES[code])
    expect(exitCodeOf('x')).toBe(1)
  })
})

describe('docs/exit-codes.md', () => {
  const table = readFileSync(join(root, 'docs/exit-codes.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, code, , names] = line.split('|').map((cell) => cell.trim())
      return /^\d+$/.test(code ?? '') ? [{ code: Number(code), names: names?.match(/[A-Z_]{4,}/g) ?? [] }] : []
    })

  it('has every code of an error beside its exit code', () => {
    const documented = table.flatMap(({ code, names }) => names.map((name) => [name, code] as const))
    expect(Object.fromEntries(documented)).toEqual({ ...EXIT_CODES, UNEXPECTED: 1 })
  })

  it('has success and the signals', () => {
    const codes = table.map(({ code }) => code)
    expect(codes).toEqual(expect.arrayContaining([0, ...Object.values(SIGNAL_CODES)]))
  })
})

describe.skipIf(process.platform === 'win32')('a reader that has seen enough', () => {
  it('ends the command quietly', async () => {
    const command = `"${process.execPath}" "${builtMain()}" config --schema | head -1`
    const child = spawn('bash', ['-c', `${command}; echo "codes \${PIPESTATUS[@]}"`], { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()))
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()))
    await new Promise((resolve) => child.on('close', resolve))
    expect(stdout).toBe('{\ncodes 0 0\n')
    expect(stderr).toBe('')
  })
})

describe('a stderr that takes nothing', () => {
  it('ends no training: its lines are lost, its result is not', async () => {
    const child = start(['train', at('photos'), ...SMALL, '--epochs', '2', '--no-plots', '--out', at('unheard'), '--json'])
    child.stderr?.destroy()
    const { code, stdout } = await ended(child)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ epochs: 2 })
    expect([existsSync(at('unheard', 'classifier.onnx')), existsSync(at('unheard', 'run.lock'))]).toEqual([true, false])
  })

  it.skipIf(!existsSync('/dev/full'))('leaves a failure its own exit code and its object', () => {
    const stdio: ['ignore', 'pipe', number] = ['ignore', 'pipe', openSync('/dev/full', 'w')]
    const { status, stdout } = spawnSync(process.execPath, [builtMain(), 'train', at('empty'), '--json'], { stdio, encoding: 'utf8' })
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'DATA' } })
    expect(status).toBe(EXIT_CODES.DATA)
  })
})
