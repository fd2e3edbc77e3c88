/** @file `rootstock completion`: scripts that let shells complete commands, flags and their values. */
import { unknownName } from '../errors.ts'
import { command, type Command } from './command.ts'
import type { OfferedCommand } from './completion/offers.ts'

type Writer = (commands: readonly OfferedCommand[]) => string

const WRITERS: Readonly<Record<string, () => Promise<Writer>>> = {
  bash: async () => (await import('./completion/bash.ts')).bashScript,
  zsh: async () => (await import('./completion/zsh.ts')).zshScript,
  fish: async () => (await import('./completion/fish.ts')).fishScript,
  pwsh: async () => (await import('./completion/pwsh.ts')).pwshScript,
}
const SHELLS = Object.keys(WRITERS)

export const completion = command({
  name: 'completion',
  summary: 'Print a script with which a shell completes commands, flags, networks and runs.',
  operands: [{ name: 'SHELL', description: 'bash, zsh, fish or pwsh', completes: SHELLS }],
  flags: {},
  examples: [
    'source <(rootstock completion bash)',
    'source <(rootstock completion zsh)',
    'rootstock completion fish > ~/.config/fish/completions/rootstock.fish',
    'rootstock completion pwsh | Out-String | Invoke-Expression',
  ],
  about: 'program',
  run: async ({ operands: [shell = ''], terminal, program }) => {
    const script = await completionScript(shell, program.commands)
    terminal.print(script.trimEnd())
    return { json: { shell, script } }
  },
})

/** The script for one shell. Throws UNKNOWN_NAME for another. */
export async function completionScript(shell: string, commands: readonly Command[]): Promise<string> {
  const writer = Object.hasOwn(WRITERS, shell) ? WRITERS[shell] : undefined
  if (!writer) throw unknownName('shell', shell, SHELLS)
  const { offersOf } = await import('./completion/offers.ts')
  return (await writer())(offersOf(commands))
}
