/** @file Colours, quietness, and help on terminals of any width. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { commandHelp, programHelp } from '../../src/cli/help.ts'
import { openTerminal, type Output } from '../../src/cli/terminal.ts'
import { tellWarnings } from '../../src/cli/warnings.ts'
import { rootstock, rootstockJson } from './rootstock.cases.ts'

function output(isTTY: boolean, columns = 80): Output & { text: string } {
  const made = { text: '', isTTY, columns, write: (part: string) => (made.text += part) }
  return made
}

interface Row {
  readonly env: Readonly<Record<string, string>>
  readonly isTTY: boolean
  readonly color?: boolean
  readonly isColoured: boolean
}

const rows: readonly Row[] = [
  { env: {}, isTTY: true, isColoured: true },
  { env: {}, isTTY: false, isColoured: false },
  { env: { NO_COLOR: '1' }, isTTY: true, isColoured: false },
  { env: { NO_COLOR: '' }, isTTY: true, isColoured: true },
  { env: { NO_COLOR: '1', FORCE_COLOR: '1' }, isTTY: true, isColoured: false },
  { env: { FORCE_COLOR: '1' }, isTTY: false, isColoured: true },
  { env: { FORCE_COLOR: '0' }, isTTY: true, isColoured: false },
  { env: { TERM: 'dumb' }, isTTY: true, isColoured: false },
  { env: { FORCE_COLOR: '1', TERM: 'dumb' }, isTTY: true, isColoured: true },
  { env: { FORCE_COLOR: '1' }, isTTY: true, color: false, isColoured: false },
]

describe('colours', () => {
  it.each(rows)('$env on a terminal: $isTTY, --no-color: $color', ({ env, isTTY, color = true, isColoured }) => {
    const stdout = output(isTTY)
    const { colors } = openTerminal({ json: false, quiet: false, color }, { stdout, stderr: output(isTTY) }, env)
    expect(colors.bold('x') !== 'x').toBe(isColoured)
  })

  it('are on stdout and stderr each as that stream is', () => {
    const terminal = openTerminal({ json: false, quiet: false, color: true }, { stdout: output(false), stderr: output(true) }, {})
    expect(terminal.colors.bold('x')).toBe('x')
    expect(terminal.progress.colors.bold('x')).not.toBe('x')
  })
})

describe('a terminal', () => {
  it('is redrawn only where it is one, is not dumb, and nobody wants quiet', () => {
    const isLive = (isTTY: boolean, quiet: boolean, env: Row['env'] = {}): boolean =>
      openTerminal({ json: false, quiet, color: true }, { stdout: output(true), stderr: output(isTTY) }, env).progress.isLive
    expect([isLive(true, false), isLive(false, false), isLive(true, true), isLive(true, false, { TERM: 'dumb' })]).toEqual([
      true,
      false,
      false,
      false,
    ])
  })

  it('keeps notes to itself with --quiet, and results with --json', () => {
    const streams = { stdout: output(true), stderr: output(true) }
    const terminal = openTerminal({ json: true, quiet: true, color: true }, streams, {})
    terminal.note('a note')
    terminal.print('a result')
    expect([streams.stdout.text, streams.stderr.text]).toEqual(['', ''])
  })
})

describe("the library's warnings", () => {
  it.each([
    [false, 'warning: odd\n'],
    [true, ''],
  ])('are notes; with --quiet %s: %j', async (quiet, expected) => {
    const stderr = output(false)
    const end = tellWarnings(openTerminal({ json: false, quiet, color: false }, { stdout: output(false), stderr }, {}))
    process.emitWarning('odd', 'RootstockWarning')
    await setImmediate()
    end()
    expect(stderr.text).toBe(expected)
  })
})

describe('help', () => {
  const texts = (columns: number): string[] => [programHelp(commands, columns), ...commands.map((command) => commandHelp(command, columns))]

  it.each([40, 60, 80, 200])('fits a terminal of %i columns', (columns) => {
    for (const text of texts(columns)) {
      const wide = text.split('\n').filter((line) => line.length > columns)
      // A single word may be longer than the line.
      expect(wide.filter((line) => line.trim().replace(/ \\$/, '').includes(' '))).toEqual([])
    }
  })

  it('has examples for every command, which begin with its name', () => {
    for (const { name, examples } of commands) {
      expect(examples.length, name).toBeGreaterThan(0)
      for (const example of examples) expect(example).toMatch(new RegExp(`rootstock (help )?${name}\\b`))
    }
  })

  it('is what rootstock, rootstock help and rootstock --help print', async () => {
    const [bare, help, flag] = await Promise.all([[], ['help'], ['--help']].map((argv) => rootstock(argv)))
    expect(bare?.code).toBe(0)
    expect(bare?.stdout).toBe(programHelp(commands, 80))
    expect(help?.stdout).toBe(bare?.stdout)
    expect(flag?.stdout).toBe(bare?.stdout)
    expect((await rootstock(['help', 'train'])).stdout).toBe((await rootstock(['train', '--help'])).stdout)
  })

  it('and the version are one object with --json', async () => {
    expect((await rootstockJson(['train', '--help'])).json).toEqual({
      help: commandHelp(
        commands.find(({ name }) => name === 'train')!,
        80,
      ),
    })
    expect((await rootstockJson(['--version'])).json).toEqual({ version: expect.stringMatching(/^\d/) as string })
  })
})
