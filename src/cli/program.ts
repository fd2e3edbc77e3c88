/** @file Reads the arguments: which command, its operands and flags, or what is wrong with them. */
import { Command as Parser, CommanderError } from 'commander'
import { RootstockError, unknownName } from '../errors.ts'
import { flagName, parseFlags, type Command, type FlagValues, type Flags, type Operand } from './command.ts'

/** What the arguments ask for: a command, or a text to print. */
export type Request =
  | { readonly kind: 'run'; readonly command: Command; readonly operands: readonly string[]; readonly flags: FlagValues<Flags> }
  | { readonly kind: 'text'; readonly text: string }

/** Switches that stand with every command. */
export interface CommonSwitches {
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
}

const COMMON = [
  ['--json', 'Print one JSON object on the last line of stdout, and nothing else there'],
  ['-q, --quiet', 'Show no progress and no notes; errors are still told'],
  ['--no-color', 'Print without colours'],
] as const

/** The common switches, wherever they stand: they hold for messages about the other arguments too. */
export function commonSwitches(argv: readonly string[]): CommonSwitches {
  const end = argv.indexOf('--')
  const words = end < 0 ? argv : argv.slice(0, end)
  const has = (...names: string[]): boolean => words.some((word) => names.includes(word))
  return { json: has('--json'), quiet: has('--quiet', '-q'), color: !has('--no-color') }
}

/** Reads `argv` (without node and script). Throws USAGE and UNKNOWN_NAME. */
export function readArguments(argv: readonly string[], commands: readonly Command[], version: string): Request {
  let request: Request | undefined
  let text = ''
  const parsers = commands.map((command) =>
    parserOf(command).action((...args: unknown[]) => {
      const parser = args.at(-1) as Parser
      request = { kind: 'run', command, operands: parser.args, flags: parseFlags(command.flags, parser.opts()) }
    }),
  )
  const program = new Parser('rootstock').description('Graft your own classes onto a pretrained network: transfer learning for photos.')
  program.version(version, '-V, --version', 'Print the version').helpOption('-h, --help', 'Print this help').helpCommand(false)
  addCommon(program)
  for (const parser of parsers) program.addCommand(parser)
  for (const parser of [program, ...parsers]) {
    parser.exitOverride().showSuggestionAfterError(false)
    parser.configureOutput({ writeOut: (part) => (text += part), writeErr: () => undefined })
  }
  try {
    program.parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { kind: 'text', text }
    throw usageError(error, commands, argv)
  }
  if (request) return request
  throw missingCommand(commands)
}

function parserOf({ name, summary, operands, flags, examples }: Command): Parser {
  const parser = new Parser(name).description(summary).helpOption('-h, --help', 'Print this help')
  for (const operand of operands) parser.argument(placeOf(operand), operand.description)
  for (const [key, { value, isOptional, isRepeatable, description }] of Object.entries(flags)) {
    const shown = `${flagName(key)}${value === undefined ? '' : isOptional ? ` [${value}]` : ` <${value}>`}`
    if (isRepeatable)
      parser.option(shown, description, (text: string, before?: string) => (before === undefined ? text : `${before}\n${text}`))
    else parser.option(shown, description)
  }
  addCommon(parser)
  return parser.addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`)
}

/** `<NAME>`, `<NAME...>` or `[NAME]`, as Commander reads them. */
function placeOf({ name, variadic, optional }: Operand): string {
  const words = variadic ? `${name}...` : name
  return optional ? `[${words}]` : `<${words}>`
}

function addCommon(parser: Parser): void {
  for (const [flag, description] of COMMON) parser.option(flag, description)
}

/** Commander's error in our words. Its messages quote what they are about. */
function usageError(error: CommanderError, commands: readonly Command[], argv: readonly string[]): RootstockError {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? ''
  const command = commands.find(({ name }) => argv.includes(name))
  const help = command ? `See: rootstock ${command.name} --help` : 'See: rootstock --help'
  switch (error.code) {
    case 'commander.unknownOption':
      return unknownName('flag', quoted.replace(/=.*/s, ''), flagNames(command))
    case 'commander.unknownCommand':
      return unknownName('command', quoted, commands.map(({ name }) => name)) // prettier-ignore
    case 'commander.missingArgument':
      return missingOperand(quoted, command, help)
    case 'commander.optionMissingArgument':
      return new RootstockError('USAGE', `Cannot read the arguments: found ${quoted.split(' ')[0]} without a value, expected ${quoted}`, {
        hint: help,
      })
    case 'commander.excessArguments':
      return excessOperands(command, help)
    case 'commander.help':
      return missingCommand(commands)
    default:
      return new RootstockError('USAGE', error.message.replace(/^error: /, ''), { hint: help })
  }
}

function missingCommand(commands: readonly Command[]): RootstockError {
  return new RootstockError('USAGE', `Missing command: expected one of ${commands.map(({ name }) => name).join(', ')}`, {
    hint: 'See: rootstock --help',
  })
}

function missingOperand(name: string, command: Command | undefined, hint: string): RootstockError {
  const operand = command?.operands.find((candidate) => candidate.name === name)
  return new RootstockError('USAGE', `Missing ${name} of ${command?.name}: expected ${lowered(operand?.description ?? name)}`, { hint })
}

function excessOperands(command: Command | undefined, hint: string): RootstockError {
  const expected = command?.operands.map(({ name }) => name).join(' ') ?? 'a command'
  return new RootstockError(
    'USAGE',
    `Cannot read the arguments: found more words than ${command?.name ?? 'rootstock'} takes, expected ${expected}`,
    { hint },
  )
}

function flagNames(command: Command | undefined): string[] {
  const own = Object.keys(command?.flags ?? {}).map(flagName)
  return [...own, '--json', '--quiet', '--no-color', '--help', ...(command ? [] : ['--version'])]
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
