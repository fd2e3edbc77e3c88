/** @file Completion: the scripts in the shells that are here, and that each offers every command and flag. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { networkNames } from '../../src/applications/index.ts'
import { flagName } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { completionScript } from '../../src/cli/completion.ts'
import { NETWORKS } from '../../src/cli/network-names.ts'
import { expectRefusal, rootstock, rootstockJson, scratchFolder } from './rootstock.cases.ts'

const folder = scratchFolder()
for (const name of ['runs/pets', 'runs/birds', 'my photos']) mkdirSync(join(folder, name), { recursive: true })
writeFileSync(join(folder, 'cat.jpg'), '')

/** Whether a program can be started here. */
const has = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined

/** Words typed so far, the last one unfinished, and what must be offered. */
const cases: readonly { readonly words: readonly string[]; readonly offers: readonly string[]; readonly only?: true }[] = [
  { words: ['tr'], offers: ['train'], only: true },
  { words: [''], offers: [...commands.map(({ name }) => name), 'help'], only: true },
  { words: ['train', '--net'], offers: ['--network'], only: true },
  { words: ['train', '--network', ''], offers: NETWORKS, only: true },
  { words: ['train', '--recipe', 'f'], offers: ['fine-tune'], only: true },
  { words: ['predict', 'runs/p'], offers: ['runs/pets'] },
  { words: ['predict', 'mob'], offers: ['mobilenet'], only: true },
  { words: ['evaluate', 'train', '--part', 't'], offers: ['test', 'train'], only: true },
  { words: ['completion', ''], offers: ['bash', 'fish', 'pwsh', 'zsh'], only: true },
  { words: ['help', 'pre'], offers: ['predict', 'prepare'], only: true },
]

describe.skipIf(!has('bash'))('in bash', () => {
  const ask = async (words: readonly string[]): Promise<string[]> => {
    const script = await completionScript('bash', commands)
    const run = `COMP_WORDS=(rootstock "$@"); COMP_CWORD=$#; _rootstock; printf '%s\\n' "\${COMPREPLY[@]}"`
    const out = execFileSync('bash', ['-uc', `${script}\n${run}`, 'bash', ...words], { cwd: folder, encoding: 'utf8' })
    return out.split('\n').filter((line) => line !== '')
  }

  it.each(cases)('$words', async ({ words, offers, only }) => {
    const found = await ask(words)
    if (only) expect(found.sort()).toEqual([...offers].sort())
    else expect(found).toEqual(expect.arrayContaining([...offers]))
  })

  it('values behind an equals sign, files with blanks, and what stands behind --config', async () => {
    expect(await ask(['train', '--network', '=', 'in'])).toEqual(['inceptionV3'])
    expect(await ask(['train', 'my'])).toEqual(['my photos'])
    expect(await ask(['--config', 'x.yaml', 'train', '--ep'])).toEqual(['--epochs'])
    expect(await ask(['train', '--epochs', ''])).toEqual([])
  })
})

describe.skipIf(!has('fish'))('in fish (needs fish)', () => {
  it.each(cases)('$words', async ({ words, offers }) => {
    const script = await completionScript('fish', commands)
    const line = ['rootstock', ...words].join(' ')
    const out = execFileSync('fish', ['--no-config', '-c', `${script}\ncomplete -C '${line}'`], { cwd: folder, encoding: 'utf8' })
    const found = out.split('\n').map((each) => each.split('\t')[0])
    expect(found).toEqual(expect.arrayContaining([...offers]))
  })
})

describe.skipIf(!has('zsh'))('in zsh (needs zsh)', () => {
  it('the script is sound', async () => {
    const script = await completionScript('zsh', commands)
    const { stderr, status } = spawnSync('zsh', ['-f', '-n'], { input: script, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })
})

describe('every script', () => {
  it.each(['bash', 'zsh', 'fish', 'pwsh'])('%s has every command and every flag', async (shell) => {
    const script = await completionScript(shell, commands)
    for (const { name, flags } of commands) {
      expect(script).toContain(name)
      for (const key of Object.keys(flags))
        expect(script, name).toContain(shell === 'fish' ? `-l ${flagName(key).slice(2)} ` : flagName(key))
    }
  })

  it('offers the networks that there are', () => {
    expect(NETWORKS).toEqual(networkNames)
  })
})

describe('rootstock completion', () => {
  it('prints the script', async () => {
    const { code, stdout } = await rootstock(['completion', 'bash'])
    expect(code).toBe(0)
    expect(stdout).toBe(await completionScript('bash', commands))
    expect((await rootstockJson(['completion', 'fish'])).json).toEqual({ shell: 'fish', script: await completionScript('fish', commands) })
  })

  it('offers the nearest shell for another', async () => {
    expectRefusal(await rootstock(['completion', 'bsh']), { code: 2, says: /Unknown shell "bsh"\. Did you mean "bash"/ })
  })
})
