/** @file What a stranger tries: paths of the wrong kind, names with everything in them, an output that takes nothing more. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { builtMain } from './built.cases.ts'
import { drawClasses, expectRefusal, rootstock, rootstockJson, scratchFolder } from './rootstock.cases.ts'

const scratch = scratchFolder()
const at = (...names: string[]): string => join(scratch, ...names)
const NET = ['--alpha', '0.25', '--weights', 'none'] as const

beforeAll(async () => {
  await drawClasses(at('classes'), 1)
  writeFileSync(at('file.txt'), 'no folder')
  mkdirSync(at('named.labels.json'))
})

interface Row {
  readonly argv: () => readonly string[]
  readonly code: number
  readonly says: RegExp
}

const rows: readonly Row[] = [
  { argv: () => ['predict', 'mobilenet', at('no.jpg'), ...NET], code: 3, says: /no\.jpg: it does not exist \(ENOENT\)\. Check the path$/m },
  { argv: () => ['predict', 'mobilenet', at('file.txt'), ...NET], code: 3, says: /not a picture .*Give photos that other programs open$/m },
  {
    argv: () => ['predict', at('classes'), at('classes')],
    code: 1,
    says: /found no run\.json\. Give the folder that "rootstock train" wrote/,
  },
  { argv: () => ['plot', at('classes')], code: 1, says: /history\.csv: it does not exist \(ENOENT\)\. Give the folder of a run/ },
  { argv: () => ['plot', at('file.txt')], code: 4, says: /expected a row of numbers for each epoch/ },
  { argv: () => ['doctor', at('classes')], code: 1, says: /no classifier\.onnx\. Give the folder of a run, or a classifier\.onnx/ },
  { argv: () => ['weights', at('classes')], code: 1, says: /it is a folder, expected an HDF5 file/ },
  {
    argv: () => ['export', 'mobilenet', at('file.txt', 'a.h5'), ...NET],
    code: 1,
    says: /a part of the path is (a file, or a link to nothing|not a folder) \(E/,
  },
  // The place of the output is tried first: what is missing otherwise would be told only where that is in order.
  ...[
    ['find-rate', 'missing', '--out', 'a.png'],
    ['augment-preview', 'missing', '--flip', 'horizontal', '--out', 'a.png'],
    ['diagram', 'missing', '--out', 'a.png'],
    ['export', 'missing', 'a.png.onnx'],
    ['export', 'missing', 'a.png.keras'],
  ].map((words) => ({
    argv: () => words.map((word) => (word.startsWith('a.png') ? at('file.txt', word) : word)),
    code: 1,
    says: /Cannot write .*a\.png.*: a part of the path is (a file, or a link to nothing|not a folder) \(E/,
  })),
  { argv: () => ['export', 'missing', 'a.png'], code: 2, says: /expected a name that ends in \.onnx/ },
  { argv: () => ['export', 'missing', 'a.keras', '--precision', 'float16'], code: 2, says: /Cannot write a\.keras in float16/ },
  { argv: () => ['export', 'missing', 'a.onnx', '--photos', 'b'], code: 2, says: /Cannot use --photos without --precision int8/ },
  { argv: () => ['export', 'missing', at('named.h5')], code: 1, says: /Cannot write .*named\.labels\.json: it is not a regular file/ },
  { argv: () => ['advise', at('file.txt')], code: 3, says: /found a file, expected a folder/ },
]

describe.concurrent('a path of the wrong kind', () => {
  it.each(rows)('$says', async ({ argv, code, says }) => expectRefusal(await rootstock(argv()), { code, says }))
})

describe.skipIf(process.platform === 'win32')('a name', () => {
  const names = ['with spaces', 'käße 🐈', 'new\nline', '\u001b[31mred', "it's", '-dash', 'n'.repeat(240)]

  it.each(names)('%j is read, and printed in one line', async (name) => {
    const folder = at('names', name)
    mkdirSync(folder, { recursive: true })
    cpSync(at('classes', 'cat', '0.jpg'), join(folder, `${name}.jpg`))
    const { code, stdout, stderr } = await rootstock(['predict', 'mobilenet', folder, ...NET, '--top', '1'])
    expect(code, stderr).toBe(0)
    expect(stdout.split('\n')).toHaveLength(3)
    expect(stdout).not.toContain('\u001b')
    const { json } = await rootstockJson(['predict', 'mobilenet', folder, ...NET, '--top', '1'])
    expect(json).toMatchObject({ predictions: [{ file: join(folder, `${name}.jpg`) }] })
  })
})

it.skipIf(process.platform !== 'linux')('an output that is full ends in one line and exit code 1', () => {
  const command = `"${process.execPath}" "${builtMain()}" config --schema > /dev/full`
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
  expect(stderr).toMatch(/^rootstock: Cannot write the output: no space is left on the device \(ENOSPC\)\. Free some space[^\n]*\n$/)
  expect(status).toBe(1)
})

it.skipIf(process.platform !== 'linux')('a working folder that was deleted is one that cannot be written', () => {
  const command = `mkdir gone && cd gone && rmdir ../gone && "${process.execPath}" "${builtMain()}" prepare "${at('classes')}" out`
  const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: scratch, encoding: 'utf8' })
  expect(stderr).toMatch(/^rootstock: Cannot write "out": it does not exist \(ENOENT\)\. Check the path\n$/)
  expect(status).toBe(1)
})
