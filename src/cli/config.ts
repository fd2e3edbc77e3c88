/** @file `rootstock config`: the settings that a command would run with, and the schema of config files. */
import { RootstockError } from '../errors.ts'
import { command, kebab, type Command, type Origin, type Outcome, type Program, type Settings } from './command.ts'
import { toggle } from './flag-values.ts'
import { oneLine } from './one-line.ts'
import type { Terminal } from './terminal.ts'

export const config = command({
  name: 'config',
  summary: 'Show the settings that a command would run with, and where each comes from; or the schema of config files.',
  operands: [{ name: 'COMMAND', description: 'The command, with any of its flags behind it', optional: true }],
  flags: {
    print: toggle('Print the settings as a config file; this is what it does anyway'),
    schema: toggle('Print the JSON schema of config files, for editors'),
  },
  examples: ['rootstock config train --epochs 20', 'rootstock config train --config pets.yaml --print', 'rootstock config --schema'],
  about: 'command',
  run: async ({ operands: [name], flags, terminal, program }) => {
    if (flags.schema) return schema(program, terminal)
    if (program.asked) return print(program.asked, program.asked.settings, terminal)
    throw new RootstockError(
      'USAGE',
      `Missing COMMAND of config: ${name ?? 'nothing'} found, expected a command such as train, or --schema`,
      {
        hint: 'See: rootstock config --help',
      },
    )
  },
})

async function schema({ commands }: Program, { print: line }: Terminal): Promise<Outcome> {
  const { configSchema } = await import('./config-schema.ts')
  const made = configSchema(commands)
  line(JSON.stringify(made, undefined, 2))
  return { json: made }
}

/** A config file that says the same; settings that nobody gave stand in comments. */
async function print({ command: of }: { command: Command }, { operands, origins, file }: Settings, terminal: Terminal): Promise<Outcome> {
  const { settingLine: line } = await import('./config-file.ts')
  const { dim } = terminal.colors
  terminal.print(dim(`# Settings of rootstock ${of.name}${file === undefined ? '' : `; config file: ${oneLine(file)}`}`))
  terminal.print(line('command', of.name))
  of.operands.forEach(({ name, variadic }, i) => {
    const words = variadic ? operands.slice(i) : operands[i]
    if (words !== undefined && words.length > 0) terminal.print(line(name.toLowerCase(), words))
  })
  for (const [key, flag] of Object.entries(of.flags)) {
    const origin = origins[key]
    if (origin) terminal.print(`${line(kebab(key), writtenOf(origin, flag.form.kind))}  ${dim(`# ${sourceOf(origin)}`)}`)
    else terminal.print(dim(`# ${kebab(key)}: ${flag.description}`))
  }
  const settings = Object.entries(origins).map(([key, { from, name, given }]) => [kebab(key), { value: given, from, name }] as const)
  return { json: { command: of.name, operands, file: file ?? null, settings: Object.fromEntries(settings) } }
}

function sourceOf({ from, name }: Origin): string {
  return `${from}: ${oneLine(name)}`
}

/** Flags and variables are texts; a file has types. */
function writtenOf({ given }: Origin, kind: string): unknown {
  if (typeof given !== 'string') return given
  if (kind === 'switch') return /^(1|true|yes|on)$/i.test(given)
  const isNumber = (kind === 'integer' || kind === 'number') && Number.isFinite(Number(given))
  return isNumber ? Number(given) : given
}
