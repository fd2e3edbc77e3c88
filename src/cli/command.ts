/** @file What a command of the command line is: a row of operands, flags and one function. */
import type { RootstockError } from '../errors.ts'
import type { Terminal } from './terminal.ts'

/** One flag of a command. Without `value` it is a switch. */
export interface Flag<T> {
  /** What the help calls its value: "N", "FILE". */
  readonly value?: string
  /** The value may be left out; `parse` then gets an empty text. */
  readonly isOptional?: boolean
  /** The flag may stand several times; `parse` then gets the texts as lines. */
  readonly isRepeatable?: boolean
  readonly description: string
  /** Turns the text into a value; throws USAGE. Switches get an empty text. */
  readonly parse: (text: string, name: string) => T
}

/** The flags of a command by their names in camelCase, as the library calls them. */
export type Flags = Readonly<Record<string, Flag<unknown>>>

/** The values of the flags that were given. */
export type FlagValues<F extends Flags> = { readonly [K in keyof F]?: ReturnType<F[K]['parse']> }

/** One word that a command takes. */
export interface Operand {
  readonly name: string
  readonly description: string
  /** The last operand may stand any number of times, at least once. */
  readonly variadic?: boolean
  /** The last operand may be left out. */
  readonly optional?: boolean
}

/** What a command gets to work with. */
export interface CommandInput<F extends Flags> {
  readonly operands: readonly string[]
  readonly flags: FlagValues<F>
  readonly terminal: Terminal
  /** Raised by the first Ctrl-C. */
  readonly signal: AbortSignal
}

/** What a command has to say: `json` is the object that --json prints; with `error` the command failed after it had something to say. */
export interface Outcome {
  readonly json: object
  readonly error?: RootstockError
}

/** One command. */
export interface CommandRow<F extends Flags = Flags> {
  readonly name: string
  readonly summary: string
  readonly operands: readonly Operand[]
  readonly flags: F
  /** Lines below the flags in the help: examples. */
  readonly examples: readonly string[]
  /** Ends by itself, and cleanly, once the signal is raised; other commands are left at once. */
  readonly endsCleanly?: boolean
  readonly run: (input: CommandInput<F>) => Promise<Outcome>
}

/** A row whose flags have been parsed by itself, so that all rows have one type. */
export interface Command extends Omit<CommandRow, 'run'> {
  readonly run: (input: CommandInput<Flags>) => Promise<Outcome>
}

/** Checks a row's flags against its function, and makes it a command. */
export function command<F extends Flags>(row: CommandRow<F>): Command {
  return { ...row, run: (input) => row.run({ ...input, flags: input.flags as FlagValues<F> }) }
}

/** The given texts as values, in the order of the row. Throws USAGE. */
export function parseFlags(flags: Flags, given: Readonly<Record<string, unknown>>): FlagValues<Flags> {
  const parsed = Object.entries(flags).flatMap(([key, { parse }]) => {
    const text = givenFor(key, given)
    if (text === undefined) return []
    return [[key, parse(typeof text === 'string' ? text : '', flagName(key))] as const]
  })
  return Object.fromEntries(parsed)
}

/** Commander files `--no-plots` as `plots: false`. */
function givenFor(key: string, given: Readonly<Record<string, unknown>>): unknown {
  if (!/^no[A-Z]/.test(key)) return given[key]
  return given[key.charAt(2).toLowerCase() + key.slice(3)] === false ? true : undefined
}

/** "batchSize" → "--batch-size". */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
