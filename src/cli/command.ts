/** @file What a command of the command line is: a row of operands, flags and one function. */
import type { RootstockError } from '../errors.ts'
import type { Terminal } from './terminal.ts'

/** What a value may be: config files, their schema and the completion of shells follow from it. */
export type FlagForm =
  | { readonly kind: 'switch' }
  /** `suggestions` are offered, but others may be meant too. */
  | { readonly kind: 'text'; readonly suggestions: readonly string[] }
  | { readonly kind: 'texts' }
  | { readonly kind: 'names'; readonly names: readonly string[] }
  /** `or` is a word that may stand instead of the number. */
  | { readonly kind: 'integer' | 'number'; readonly bounds: Bounds; readonly or?: string }

/** Bounds of a number, under their names in JSON Schema. */
export interface Bounds {
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
}

/** One flag of a command. Without `value` it is a switch. */
export interface Flag<T> {
  /** What the help calls its value: "N", "FILE". */
  readonly value?: string
  /** The value may be left out; `parse` then gets this text. */
  readonly leftOut?: string
  /** The flag may stand several times; `parse` then gets the texts as lines. */
  readonly isRepeatable?: boolean
  readonly description: string
  readonly form: FlagForm
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
  /** What shells offer for it; default files. */
  readonly completes?: Completes
}

/** What a shell may offer: folders of runs under runs/, networks, or names from a list. */
export type Completes = 'files' | 'folders' | 'runs' | 'models' | readonly string[]

/** What a command gets to work with. */
export interface CommandInput<F extends Flags> {
  readonly operands: readonly string[]
  readonly flags: FlagValues<F>
  readonly terminal: Terminal
  /** Raised by the first Ctrl-C. */
  readonly signal: AbortSignal
  /** For the commands about commands. */
  readonly program: Program
}

/** The command line itself, as the commands about it see it. */
export interface Program {
  readonly commands: readonly Command[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The command that `rootstock config` was asked about, and its settings. */
  readonly asked?: { readonly command: Command; readonly settings: Settings }
}

/** Where a setting comes from: a flag, a variable of the environment, a file; and what it says. */
export interface Origin {
  readonly from: 'flag' | 'environment' | 'file'
  /** "--epochs", "ROOTSTOCK_TRAIN_EPOCHS", "train.epochs in rootstock.config.yaml". */
  readonly name: string
  /** As it was written. */
  readonly given: string | number | boolean | readonly string[]
}

/** What a command is asked to do, whoever asked for it. */
export interface Settings {
  readonly operands: readonly string[]
  readonly values: FlagValues<Flags>
  readonly origins: Readonly<Record<string, Origin>>
  /** The config file that was read. */
  readonly file: string | undefined
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
  /** About commands, without settings of its own; about one: takes its words, as `rootstock config train --epochs 3` does. */
  readonly about?: 'command' | 'program'
  /** Ends by itself, and cleanly, once the signal is raised; other commands are left at once. */
  readonly endsCleanly?: boolean
  /** Has done a part of the work for the next time when it is stopped. */
  readonly keeps?: boolean
  readonly run: (input: CommandInput<F>) => Promise<Outcome>
}

/** A row whose flags have been parsed by itself, so that all rows have one type. */
export interface Command extends Omit<CommandRow, 'run'> {
  readonly run: (input: CommandInput<Flags>) => Promise<Outcome>
}

/** The commands that files and variables may have settings for. */
export function settableCommands(commands: readonly Command[]): Command[] {
  return commands.filter(({ about }) => about === undefined)
}

/** Checks a row's flags against its function, and makes it a command. */
export function command<F extends Flags>(row: CommandRow<F>): Command {
  return { ...row, run: (input) => row.run({ ...input, flags: input.flags as FlagValues<F> }) }
}

/** "batchSize" → "--batch-size". */
export function flagName(key: string): string {
  return `--${kebab(key)}`
}

/** "batchSize" → "batch-size". */
export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
