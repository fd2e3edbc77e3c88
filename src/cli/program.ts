/** @file Reads the arguments: which command, its operands and flags, or what is wrong with them. */
import { Command as Parser, CommanderError } from 'commander'
import { nearestNames, RootstockError, unknownName } from '../errors.ts'
import { flagName, type Command, type Flags } from './command.ts'
import { shellPath } from './go-on.ts'
import { COMMON, commandHelp, programHelp } from './help.ts'

/** The flags of a command line as texts, by their names in camelCase; a switch has an empty one. */
export type GivenFlags = Readonly<Record<string, string>>

/** A command and what the command line says to it; operands may be missing. */
export interface Asked {
  readonly command: Command
  readonly operands: readonly string[]
  readonly flags: GivenFlags
  /** The file of --config; false for --no-config. */
  readonly config: string | false | undefined
}

/** What the arguments ask for: a command, or a text to print. */
export type Request =
  (Asked & { readonly kind: 'run'; readonly about?: Asked }) | { readonly kind: 'text'; readonly text: string; readonly json: object }

/** Switches that stand with every command. */
export interface CommonSwitches {
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
}

/** What the help needs to know. */
export interface Reading {
  readonly version: string
  /** Characters in a line. */
  readonly columns: number
}

/** The common switches, wherever they stand: they hold for messages about the other arguments too. */
export function commonSwitches(argv: readonly string[]): CommonSwitches {
  const end = argv.indexOf('--')
  const words = end < 0 ? argv : argv.slice(0, end)
  const has = (...names: string[]): boolean => words.some((word) => names.includes(word))
  return { json: has('--json'), quiet: has('--quiet', '-q'), color: !has('--no-color') }
}

/** Reads `argv` (without node and script). Throws USAGE and UNKNOWN_NAME. */
export function readArguments(argv: readonly string[], commands: readonly Command[], reading: Reading): Request {
  if (argv.length === 0) return help(programHelp(commands, reading.columns))
  if (argv[0] === 'help') return readHelp(argv.slice(1), commands, reading)
  return readAbout(argv, commands, reading) ?? parse(argv, commands, reading)
}

/** `rootstock help train` is `rootstock train --help`. */
function readHelp(words: readonly string[], commands: readonly Command[], { columns }: Reading): Request {
  const name = words.find((word) => !word.startsWith('-'))
  if (name === undefined) return help(programHelp(commands, columns))
  return help(commandHelp(commandOf(name, commands), columns))
}

function commandOf(wanted: string, commands: readonly Command[]): Command {
  const found = commands.find(({ name }) => name === wanted)
  if (found) return found
  throw unknownName(
    'command',
    wanted,
    commands.map(({ name }) => name),
  )
}

/** `rootstock config train --epochs 3`: the words of one command about those of another. */
function readAbout(argv: readonly string[], commands: readonly Command[], reading: Reading): Request | undefined {
  const at = argv.findIndex((word) => !word.startsWith('-'))
  const command = commands.find(({ name, about }) => about === 'command' && name === argv[at])
  const next = argv.findIndex((word, i) => i > at && !word.startsWith('-') && argv[i - 1] !== '--config')
  if (!command || next < 0 || argv.includes('--help') || argv.includes('-h')) return undefined
  const other = commandOf(argv[next] ?? '', commands)
  const isOwn = (word: string): boolean => Object.keys(command.flags).some((key) => flagName(key) === word)
  const about = parse(
    argv.slice(next).filter((word) => !isOwn(word)),
    commands,
    reading,
  )
  const own = parse([...argv.slice(0, next), other.name, ...argv.slice(next).filter(isOwn)], commands, reading)
  if (about.kind === 'text' || own.kind === 'text') return about
  return { ...own, about: { ...about, config: about.config ?? own.config } }
}

function parse(argv: readonly string[], commands: readonly Command[], { version, columns }: Reading): Request {
  let request: Request | undefined
  let text = ''
  const parsers = commands.map((command) =>
    parserOf(command, columns).action((...args: unknown[]) => {
      const parser = args.at(-1) as Parser
      const { config, ...given } = parser.optsWithGlobals<Record<string, unknown>>()
      const isFile = typeof config === 'string' || config === false
      request = {
        kind: 'run',
        command,
        operands: parser.args,
        flags: givenFlags(command.flags, given),
        config: isFile ? config : undefined,
      }
    }),
  )
  const program = new Parser('rootstock').version(version, '-V, --version', 'Print the version').helpCommand(false)
  program.configureHelp({ formatHelp: () => programHelp(commands, columns) })
  for (const parser of [program, ...parsers]) {
    for (const [flag, description] of COMMON) if (!flag.startsWith('-h')) parser.option(flag, description)
    parser.helpOption('-h, --help', 'Print this help').exitOverride().showSuggestionAfterError(false)
    parser.configureOutput({ writeOut: (part) => (text += part), writeErr: () => undefined })
  }
  for (const parser of parsers) program.addCommand(parser)
  try {
    program.parse(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.version') return { kind: 'text', text, json: { version } }
    if (error.exitCode === 0) return helpAbout(argv, commands, text)
    throw usageError(error, commands, argv)
  }
  if (request) return request
  throw missingCommand(commands)
}

/** Help that was asked for with a command that there is not would look like an answer. */
function helpAbout(argv: readonly string[], commands: readonly Command[], text: string): Request {
  const word = argv.find((candidate, i) => !candidate.startsWith('-') && argv[i - 1] !== '--config')
  if (word !== undefined && word !== 'help') commandOf(word, commands)
  return help(text)
}

function help(text: string): Request {
  return { kind: 'text', text, json: { help: text } }
}

/** Operands may come from elsewhere, so that none is asked for here. */
function parserOf(command: Command, columns: number): Parser {
  const parser = new Parser(command.name)
  for (const { name, variadic } of command.operands) parser.argument(variadic ? `[${name}...]` : `[${name}]`)
  for (const [key, { value, leftOut, isRepeatable }] of Object.entries(command.flags)) {
    const shown = value === undefined ? '' : leftOut !== undefined ? ` [${value}]` : ` <${value}>`
    const option = `${flagName(key)}${shown}`
    if (isRepeatable) parser.option(option, '', (text: string, before?: string) => (before === undefined ? text : `${before}\n${text}`))
    else parser.option(option)
  }
  return parser.configureHelp({ formatHelp: () => commandHelp(command, columns) })
}

/** Commander files `--no-plots` as `plots: false`, and a value that is left out as true. */
function givenFlags(flags: Flags, given: Readonly<Record<string, unknown>>): GivenFlags {
  const found = Object.keys(flags).flatMap((key) => {
    const isOff = /^no[A-Z]/.test(key) && given[key.charAt(2).toLowerCase() + key.slice(3)] === false
    const text = isOff ? true : given[key]
    return text === undefined ? [] : [[key, typeof text === 'string' ? text : (flags[key]?.leftOut ?? '')] as const]
  })
  return Object.fromEntries(found)
}

/** Commander's error in our words. Its messages quote what they are about. */
function usageError(error: CommanderError, commands: readonly Command[], argv: readonly string[]): RootstockError {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? ''
  const named = argv.find((word) => commands.some(({ name }) => name === word))
  const command = commands.find(({ name }) => name === named)
  const hint = seeHelp(command)
  switch (error.code) {
    case 'commander.unknownOption':
      return unknownFlag(quoted, command, argv)
    case 'commander.unknownCommand':
      return unknownName('command', quoted, [...commands.map(({ name }) => name), 'help'])
    case 'commander.optionMissingArgument': {
      const flag = quoted.split(' ').find((word) => word.startsWith('--')) ?? quoted
      return new RootstockError('USAGE', `Cannot read the arguments: found ${flag} without a value, expected ${quoted}`, { hint })
    }
    case 'commander.excessArguments':
      return excessOperands(command, hint)
    case 'commander.help':
      return missingCommand(commands)
    default:
      return new RootstockError('USAGE', error.message.replace(/^error: /, ''), { hint })
  }
}

/** A flag of a command that stands in front of it is known, but not there. */
function unknownFlag(word: string, command: Command | undefined, argv: readonly string[]): RootstockError {
  const found = word.replace(/=.*/s, '')
  const own = Object.keys(command?.flags ?? {}).map(flagName)
  const common = COMMON.flatMap(([flags]) => flags.match(/--[a-z-]+/g) ?? [])
  const isBehind = argv.indexOf(word) > argv.indexOf(command?.name ?? '')
  // Flags that take a value are no strangers with one, so that this one takes none.
  if (word !== found && (common.includes(found) || (isBehind && own.includes(found)))) {
    const hint = `Write ${found} alone, or leave it out`
    return new RootstockError('USAGE', `Cannot read the arguments: found a value in ${word}, expected none: it is a switch`, { hint })
  }
  if (command && own.includes(found)) {
    const hint = `Write: rootstock ${command.name} … ${found}`
    return new RootstockError('USAGE', `Cannot read the arguments: found ${found} before ${command.name}, expected it behind`, { hint })
  }
  const isBefore = command === undefined || argv.findIndex((word) => word.startsWith(found)) < argv.indexOf(command.name)
  const valid = isBefore ? [...common, '--version', ...own] : [...own, ...common]
  // No flag has a dot or a slash in its name, and none of more letters than one has a single dash.
  if (command?.operands.length && /^-[^-].|[./\\]/.test(found) && nearestNames(found, valid).length === 0) {
    // Letters that are flags of their own have been taken off it.
    const whole = argv.find((each) => each === word || (/^-[^-]/.test(each) && each.endsWith(word.slice(1)))) ?? word
    const message = `Cannot read the arguments: found ${whole}, which is no flag; a name that begins with a dash is written with its folder`
    return new RootstockError('USAGE', message, { hint: `Write: rootstock ${command.name} … ${shellPath(whole)}` })
  }
  return unknownName('flag', found, valid)
}

function missingCommand(commands: readonly Command[]): RootstockError {
  return new RootstockError('USAGE', `Missing command: expected one of ${commands.map(({ name }) => name).join(', ')}`, {
    hint: 'See: rootstock --help',
  })
}

/** Throws USAGE where a command has fewer operands than it needs, or one without a letter, as a script has it whose variable is not set. */
export function checkOperands(command: Command, operands: readonly string[]): void {
  const empty = operands.indexOf('')
  if (empty >= 0) {
    const name = command.operands[Math.min(empty, command.operands.length - 1)]?.name ?? 'word'
    throw new RootstockError('USAGE', `Invalid ${name} of ${command.name}: found an empty text "", expected a name`, {
      hint: seeHelp(command),
    })
  }
  const missing = command.operands.find(({ optional }, i) => !optional && operands[i] === undefined)
  if (!missing) return
  const description = missing.description.charAt(0).toLowerCase() + missing.description.slice(1)
  throw new RootstockError('USAGE', `Missing ${missing.name} of ${command.name}: expected ${description}`, { hint: seeHelp(command) })
}

function excessOperands(command: Command | undefined, hint: string): RootstockError {
  const expected = command?.operands.map(({ name }) => name).join(' ') || 'none'
  return new RootstockError(
    'USAGE',
    `Cannot read the arguments: found more words than ${command?.name ?? 'rootstock'} takes, expected ${expected}`,
    { hint },
  )
}

function seeHelp(command: Command | undefined): string {
  return command ? `See: rootstock ${command.name} --help` : 'See: rootstock --help'
}
