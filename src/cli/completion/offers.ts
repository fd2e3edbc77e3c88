/** @file What a shell may offer at each place of a command line, as plain data for the writers of scripts. */
import { flagName, type Command, type Completes, type Flag, type Operand } from '../command.ts'
import { COMMON } from '../help.ts'
import { NETWORKS } from '../network-names.ts'

/** What may stand at one place. */
export interface Offer {
  readonly words: readonly string[]
  readonly files: 'files' | 'folders' | undefined
  /** The folders below runs/. */
  readonly runs: boolean
}

/** A flag as shells see it. */
export interface OfferedFlag {
  /** "--epochs" */
  readonly name: string
  readonly description: string
  /** What the help calls the value; undefined for switches. */
  readonly value: string | undefined
  readonly offer: Offer
}

/** A command as shells see it. */
export interface OfferedCommand {
  readonly name: string
  readonly summary: string
  readonly flags: readonly OfferedFlag[]
  /** For any word that is no flag; undefined where there is none. */
  readonly words: Offer | undefined
}

const NOTHING: Offer = { words: [], files: undefined, runs: false }

/** All commands with all that can stand behind them. */
export function offersOf(commands: readonly Command[]): OfferedCommand[] {
  const names = commands.map(({ name }) => name)
  const common = COMMON.map(([flags, description]) => commonFlag(flags, description))
  const rows = commands.map(({ name, summary, operands, flags, about }) => ({
    name,
    summary,
    flags: [...Object.entries(flags).map(([key, flag]) => ownFlag(key, flag)), ...common],
    words: about === 'command' ? { ...NOTHING, words: names.filter((each) => each !== name) } : union(operands.map(offerOf)),
  }))
  return [...rows, { name: 'help', summary: 'Print the help of a command', flags: [], words: { ...NOTHING, words: names } }]
}

function commonFlag(flags: string, description: string): OfferedFlag {
  const [name = ''] = /--[a-z-]+/.exec(flags) ?? []
  const takesFile = flags.includes('<')
  return { name, description, value: takesFile ? 'FILE' : undefined, offer: takesFile ? { ...NOTHING, files: 'files' } : NOTHING }
}

function ownFlag(key: string, { description, value, form }: Flag<unknown>): OfferedFlag {
  const files = value === 'FILE' ? 'files' : value === 'FOLDER' ? 'folders' : undefined
  const words = form.kind === 'names' ? form.names : form.kind === 'text' ? form.suggestions : []
  const or = (form.kind === 'integer' || form.kind === 'number') && form.or !== undefined ? [form.or] : []
  return { name: flagName(key), description, value, offer: { words: [...words, ...or], files, runs: key === 'out' && files === 'folders' } }
}

function offerOf({ completes = 'files' }: Operand): Offer {
  if (typeof completes !== 'string') return { ...NOTHING, words: completes }
  const rows: Readonly<Record<Extract<Completes, string>, Offer>> = {
    files: { ...NOTHING, files: 'files' },
    folders: { ...NOTHING, files: 'folders' },
    runs: { words: [], files: 'files', runs: true },
    models: { words: NETWORKS, files: 'files', runs: true },
  }
  return rows[completes]
}

function union(offers: readonly Offer[]): Offer | undefined {
  if (offers.length === 0) return undefined
  const files = offers.some((offer) => offer.files === 'files') ? 'files' : offers.find((offer) => offer.files)?.files
  return { words: offers.flatMap(({ words }) => words), files, runs: offers.some(({ runs }) => runs) }
}
