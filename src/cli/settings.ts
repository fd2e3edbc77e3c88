/** @file The settings of a command: flags before variables of the environment before the config file; what is left keeps its default. */
import { RootstockError, unknownName } from '../errors.ts'
import { flagName, kebab, type Command, type Flag, type Origin, type Settings } from './command.ts'
import { checkOperands, type Asked } from './program.ts'

/** Where settings are looked for. */
export interface Sources {
  readonly commands: readonly Command[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The folder whose rootstock.config.* counts. */
  readonly folder: string
}

/** One setting and its value; undefined where a file or a variable says that a switch is off. */
export interface Found {
  readonly value: unknown
  readonly origin: Origin
  /** Said at the top of a file, for every command that has it. */
  readonly isGeneral?: true
}

/** Settings by the names of the flags in camelCase. */
export type FoundSettings = Readonly<Record<string, Found>>

/** Settings in a file for one command. */
export interface FileSettings {
  readonly found: FoundSettings
  /** Operands by their names. */
  readonly operands: Readonly<Record<string, readonly string[]>>
}

/** Everything that was asked of a command. Throws USAGE, UNKNOWN_NAME, and what reading a file throws. */
export async function settingsOf(asked: Asked, sources: Sources): Promise<Settings> {
  const { command, flags } = asked
  const given = Object.entries(flags).map(([key, text]): [string, Found] => {
    const flag = command.flags[key]
    const value = flag?.parse(text, flagName(key))
    return [key, { value, origin: { from: 'flag', name: flagName(key), given: flag?.form.kind === 'switch' ? true : text } }]
  })
  const file = await configFile(asked, sources)
  const { found, operands }: FileSettings = file
    ? await (await import('./config-file.ts')).readConfigFile(file, command, sources.commands)
    : { found: {}, operands: {} }
  const all: FoundSettings = { ...found, ...variables(command, sources.environment), ...Object.fromEntries(given) }
  const meant = asked.operands.length > 0 ? asked.operands : command.operands.flatMap(({ name }) => operands[name] ?? [])
  const merged = await withMeaning(all, command, meant)
  const used = Object.keys(command.flags).flatMap((key) => (merged[key] ? [[key, merged[key]] as const] : []))
  return {
    operands: meant,
    values: Object.fromEntries(used.flatMap(([key, { value }]) => (value === undefined ? [] : [[key, value] as const]))),
    origins: Object.fromEntries(used.map(([key, { origin }]) => [key, origin])),
    file: file?.path,
  }
}

/** Flags that say how a network is built. */
const BUILDING = ['alpha', 'weights', 'size']

/** A general setting counts where it means something: how a network is built for networks, and the width for the one that has widths. */
async function withMeaning(found: FoundSettings, command: Command, operands: readonly string[]): Promise<FoundSettings> {
  const general = BUILDING.filter((key) => found[key]?.isGeneral)
  if (general.length === 0) return found
  const place = command.operands.findIndex(({ name }) => name === 'MODEL')
  const named = place < 0 ? (found['network']?.value ?? defaultNetwork(command)) : operands[place]
  // "rootstock config predict" tells the settings before a model is named.
  if (named === undefined && place >= 0) return found
  const networks = await Promise.all((Array.isArray(named) ? named : [named]).map(networkNamed))
  const isIdle = (key: string): boolean => !networks.some((network) => network && (key !== 'alpha' || network === 'mobilenet'))
  return Object.fromEntries(Object.entries(found).filter(([key]) => !(general.includes(key) && isIdle(key))))
}

/** Commands that work on a folder of photos take mobilenet, or all networks with it, where none is named; `weights` then compares with none. */
function defaultNetwork({ operands }: Command): string | undefined {
  return operands.some(({ name }) => name === 'FOLDER') ? 'mobilenet' : undefined
}

/** What of the six networks is meant; undefined for anything else. */
async function networkNamed(name: unknown): Promise<string | undefined> {
  // advise takes this word for all of them, mobilenet among them.
  if (name === 'all') return 'mobilenet'
  const { networkOf } = await import('../applications/index.ts')
  try {
    return typeof name === 'string' ? networkOf(name).id : undefined
  } catch {
    return undefined
  }
}

/** As `settingsOf`, for a command that is to run: with all its operands. */
export async function completeSettings(asked: Asked, sources: Sources): Promise<Settings> {
  const settings = await settingsOf(asked, sources)
  checkOperands(asked.command, settings.operands)
  return settings
}

/** A config file, and whether it was named. */
export interface ConfigPlace {
  readonly path: string
  readonly isNamed: boolean
}

async function configFile({ command, config }: Asked, { environment, folder }: Sources): Promise<ConfigPlace | undefined> {
  if (config === '') {
    throw new RootstockError('USAGE', 'Invalid value "" of --config: expected a file', { hint: 'Name a file, or give --no-config instead' })
  }
  if (config === false || command.about) return undefined
  const named = config ?? environment['ROOTSTOCK_CONFIG']
  if (named) return { path: named, isNamed: true }
  const { findConfigFile } = await import('./find-config-file.ts')
  return findConfigFile(folder)
}

/** "ROOTSTOCK_TRAIN_BATCH_SIZE". */
export function variableName(command: string, key: string): string {
  return `ROOTSTOCK_${command}_${kebab(key)}`.replaceAll('-', '_').toUpperCase()
}

/** Settings in the environment; an empty one counts as none. Throws for names under ROOTSTOCK_COMMAND_ that are no flag of it. */
function variables(command: Command, environment: Sources['environment']): FoundSettings {
  const names = new Map(Object.keys(command.flags).map((key) => [variableName(command.name, key), key]))
  const prefix = variableName(command.name, '')
  const found = Object.entries(environment).flatMap(([name, text]): [string, Found][] => {
    if (!name.startsWith(prefix) || !text) return []
    const key = names.get(name)
    const flag = key === undefined ? undefined : command.flags[key]
    if (key === undefined || !flag) throw unknownName('variable', name, [...names.keys()])
    const value = flag.form.kind === 'switch' ? switched(flag, text, name) : flag.parse(text, name)
    return [[key, { value, origin: { from: 'environment', name, given: text } }]]
  })
  return Object.fromEntries(found)
}

function switched(flag: Flag<unknown>, text: string, name: string): unknown {
  if (/^(1|true|yes|on)$/i.test(text)) return flag.parse('', name)
  if (/^(0|false|no|off)$/i.test(text)) return undefined
  throw new RootstockError('USAGE', `Invalid value "${text}" of ${name}: expected 1 or 0`, { hint: 'Give such a value, or unset it' })
}
