/** @file docs/configuration.md: its table of variables is that of the program, its example is a config file. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { readConfigFile } from '../../src/cli/config-file.ts'
import { VARIABLES } from '../../src/cli/environment.ts'
import { root } from './built.cases.ts'
import { scratchFolder } from './rootstock.cases.ts'

const text = readFileSync(join(root, 'docs/configuration.md'), 'utf8')

describe('docs/configuration.md', () => {
  it('has every variable with its meaning', () => {
    expect(VARIABLES.filter(([name, meaning]) => !text.includes(`| \`${name}\` | ${meaning} |`))).toEqual([])
  })

  it('shows a config file that is one', async () => {
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? []
    const path = join(scratchFolder(), 'a.yaml')
    writeFileSync(path, example)
    const train = commands.find(({ name }) => name === 'train')!
    const { found } = await readConfigFile({ path, isNamed: true }, train, commands)
    expect(Object.fromEntries(Object.entries(found).map(([key, { value }]) => [key, value]))).toEqual({
      alpha: 0.25,
      network: 'mobilenet',
      epochs: 20,
      batchSize: 16,
      head: 'none',
      noPlots: true,
      out: 'runs/pets',
    })
  })
})
