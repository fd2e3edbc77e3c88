/** @file Reads a config file: YAML or JSON with the settings of commands under the names of their flags. */
import { readFile, stat } from 'node:fs/promises'
import { parseDocument, stringify } from 'yaml'
import { RootstockError, messageOf, unknownName } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { kebab, settableCommands, type Command, type Flag, type Operand, type Origin } from './command.ts'
import { oneLine } from './one-line.ts'
import type { ConfigPlace, FileSettings, Found } from './settings.ts'

/** A file of settings is small; whatever is larger is something else. */
const MOST_BYTES = 1 << 20
/** Aliases beyond this many are an attack, not a convenience. */
const MOST_ALIASES = 50
/** Keys at the top that are no settings. */
const ABOUT = ['command', '$schema']

type Section = ReadonlyMap<unknown, unknown>

/** Where in which file something stands, for messages. */
interface Place {
  readonly file: string
  /** "train." or nothing. */
  readonly prefix: string
}

/** One setting as a config file says it. */
export function settingLine(key: string, value: unknown): string {
  return stringify({ [key]: value }, { lineWidth: 0, flowCollectionPadding: false }).trimEnd()
}

/**
 * The settings for `command`. A file has one mapping per command, or settings at the top: for the command that its key `command` names, as
 * the config.yaml of a run does, or for every command that has them. Every key of the file is checked. Throws FILE, USAGE and UNKNOWN_NAME.
 */
export async function readConfigFile(
  { path: file, isNamed }: ConfigPlace,
  command: Command,
  all: readonly Command[],
): Promise<FileSettings> {
  const commands = settableCommands(all)
  const root = parse(await readText(file), file)
  const only = onlyCommand(root, file, commands)
  if (only) {
    if (only.name === command.name) return sectionOf(root, command, { file, prefix: '' })
    sectionOf(root, only, { file, prefix: '' })
    if (!isNamed) return { found: {}, operands: {} }
    throw new RootstockError('USAGE', `Cannot use ${file} with ${command.name}: its settings are for ${only.name}`, {
      hint: `Give another --config, or remove the line "command: ${only.name}"`,
    })
  }
  const shared = topSettings(root, command, { file, commands })
  const sections = commands.flatMap((each) => {
    const section = root.get(each.name)
    return section instanceof Map ? [[each.name, sectionOf(section, each, { file, prefix: `${each.name}.` })] as const] : []
  })
  const own = sections.find(([name]) => name === command.name)?.[1]
  return { found: { ...shared, ...own?.found }, operands: own?.operands ?? {} }
}

async function readText(file: string): Promise<string> {
  try {
    // Opening a pipe would wait for somebody to write to it.
    const found = await stat(file)
    if (!found.isFile()) throw refuse(file, 'it is no file')
    if (found.size > MOST_BYTES) throw refuse(file, `it has ${found.size} bytes, expected a small file of settings`)
    return await readFile(file, 'utf8')
  } catch (error) {
    throw fileError(error, file, { action: 'read the config file' })
  }
}

/** JSON is YAML, so that both are read by one parser that runs nothing and refuses repeated keys. */
function parse(text: string, file: string): Section {
  try {
    const document = parseDocument(text, { schema: 'core', strict: true, uniqueKeys: true, stringKeys: true })
    const [problem] = [...document.errors, ...document.warnings]
    if (problem?.code === 'MULTIPLE_DOCS') throw new Error('it holds several documents, expected one: remove the lines "---" between them')
    if (problem) throw problem
    const root: unknown = document.toJS({ mapAsMap: true, maxAliasCount: MOST_ALIASES })
    if (root === null || root === undefined) return new Map()
    if (root instanceof Map) return root
  } catch (error) {
    throw refuse(file, oneLine(messageOf(error).split('\n')[0] ?? '').replace(/:$/, ''))
  }
  throw refuse(file, 'it holds no settings, expected lines such as epochs: 20')
}

function refuse(file: string, problem: string): RootstockError {
  return new RootstockError('USAGE', `Cannot read the config file ${file}: ${problem}`, { hint: 'See docs/configuration.md' })
}

function onlyCommand(root: Section, file: string, commands: readonly Command[]): Command | undefined {
  const name = root.get('command')
  if (name === undefined) return undefined
  const found = commands.find((command) => command.name === name)
  if (found) return found
  throw unknownName(
    `command in ${file}`,
    typeof name === 'string' ? name : shown(name),
    commands.map((command) => command.name),
  )
}

/** Settings at the top hold for every command that has them. */
function topSettings(
  root: Section,
  command: Command,
  { file, commands }: { file: string; commands: readonly Command[] },
): FileSettings['found'] {
  const found: Record<string, Found> = {}
  for (const [name, value] of root) {
    const key = String(name)
    const isSection = value instanceof Map
    const isCommand = commands.some((each) => each.name === key)
    // A section whose lines are all comments is nothing to YAML.
    if (ABOUT.includes(key) || ((isSection || value === null) && isCommand)) continue
    const owners = commands.flatMap((each) => flagOf(each, key) ?? [])
    const owner = owners.find((each) => each.command === command) ?? owners[0]
    if (isCommand && (!owner || (Array.isArray(value) && owner.flag.form.kind !== 'texts')))
      throw wrongType(`${key} in ${file}`, value, `the settings of ${key}, each in a line of its own below it`)
    if (isSection || !owner) {
      const names = commands.flatMap((each) => (isSection ? [each.name] : settingNames(each)))
      throw unknownName(isSection ? `section in ${file}` : `setting in ${file}`, key, [...new Set(names)])
    }
    const setting = generalSetting(owner, owners, value, `${key} in ${file}`)
    if (setting && owner.command === command) add(found, owner.key, { ...setting, isGeneral: true })
  }
  return found
}

/** Commands may mean different things by one name: where a value makes sense to others alone, it is theirs. Throws where it makes sense to none. */
function generalSetting(owner: NamedFlag, owners: readonly NamedFlag[], value: unknown, name: string): Found | undefined {
  const isOthers = !makesSense(owner, value, name) && owners.some((other) => makesSense(other, value, name))
  return isOthers ? undefined : settingOf(owner, value, name)
}

function makesSense(flag: NamedFlag, value: unknown, name: string): boolean {
  try {
    settingOf(flag, value, name)
    return true
  } catch {
    return false
  }
}

/** What one mapping says of its command. */
function sectionOf(section: Section, command: Command, { file, prefix }: Place): FileSettings {
  const found: Record<string, Found> = {}
  const operands: Record<string, readonly string[]> = {}
  for (const [word, value] of section) {
    const key = String(word)
    if (prefix === '' && ABOUT.includes(key)) continue
    const name = `${prefix}${key} in ${file}`
    const operand = command.operands.find((each) => each.name.toLowerCase() === key)
    const named = flagOf(command, key)
    if (named) add(found, named.key, settingOf(named, value, name))
    else if (operand) operands[operand.name] = operandOf(operand, value, name)
    else throw unknownName(`setting of ${command.name} in ${file}`, key, settingNames(command))
  }
  return { found, operands }
}

/** A setting has several names; under two of them it is said twice, as by a repeated key. */
function add(found: Record<string, Found>, key: string, setting: Found): void {
  const before = found[key]
  if (before)
    throw new RootstockError('USAGE', `Cannot use ${setting.origin.name}: the same setting is given as ${before.origin.name}`, {
      hint: 'Remove one of the two lines',
    })
  found[key] = setting
}

/** A flag that a file names. */
interface NamedFlag {
  readonly command: Command
  readonly key: string
  readonly flag: Flag<unknown>
  /** Whether the file says its opposite: `plots: false` is --no-plots. */
  readonly isOpposite: boolean
}

function flagOf(command: Command, name: string): NamedFlag | undefined {
  for (const [key, flag] of Object.entries(command.flags)) {
    const names = [key, kebab(key)]
    if (names.includes(name)) return { command, key, flag, isOpposite: false }
    if (/^no[A-Z]/.test(key) && [kebab(key).slice(3), key.charAt(2).toLowerCase() + key.slice(3)].includes(name))
      return { command, key, flag, isOpposite: true }
  }
  return undefined
}

function settingNames(command: Command): string[] {
  return [...Object.keys(command.flags).map(kebab), ...command.operands.map(({ name }) => name.toLowerCase())]
}

function settingOf({ flag, isOpposite }: NamedFlag, value: unknown, name: string): Found {
  const wanted = isOpposite && typeof value === 'boolean' ? !value : value
  const text = textOf(flag, wanted, name)
  const origin = { from: 'file', name, given: wanted as Origin['given'] } as const
  return { value: text === undefined ? undefined : flag.parse(text, name), origin }
}

/** The value as a flag would have it; undefined for a switch that is off. Throws USAGE for another type. */
function textOf({ form, leftOut, isRepeatable }: Flag<unknown>, value: unknown, name: string): string | undefined {
  switch (form.kind) {
    case 'switch':
      if (typeof value === 'boolean') return value ? '' : undefined
      throw wrongType(name, value, 'true or false')
    case 'text':
    case 'names':
      if (typeof value === 'string') return value
      if (leftOut !== undefined && value === true) return leftOut
      throw wrongType(name, value, form.kind === 'names' ? `one of ${form.names.join(', ')}` : 'a text (in quotes)')
    case 'texts':
      if (typeof value === 'string') return value
      if (Array.isArray(value) && value.every((part) => typeof part === 'string' || (isRepeatable && typeof part === 'number')))
        return value.join(isRepeatable ? '\n' : ',')
      if (isRepeatable && typeof value === 'number') return String(value)
      throw wrongType(name, value, 'a list of texts')
    case 'integer':
    case 'number':
      if (typeof value === 'number' || (form.or !== undefined && value === form.or)) return String(value)
      throw wrongType(
        name,
        value,
        `${form.kind === 'integer' ? 'a whole number' : 'a number'}${form.or === undefined ? '' : ` or ${form.or}`}`,
      )
  }
}

function operandOf({ variadic }: Operand, value: unknown, name: string): readonly string[] {
  if (typeof value === 'string') return [value]
  if (variadic && Array.isArray(value) && value.every((part) => typeof part === 'string')) return value
  throw wrongType(name, value, variadic ? 'a text or a list of texts' : 'a text (in quotes)')
}

function wrongType(name: string, value: unknown, expected: string): RootstockError {
  return new RootstockError('USAGE', `Cannot use ${name}: found ${shown(value)}, expected ${expected}`)
}

/** A value in a message: what it is, and the value itself where it is short. */
function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (value instanceof Map) return 'a mapping'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `the text "${value.slice(0, 40)}"`
  return typeof value === 'number' ? `the number ${value}` : JSON.stringify(value)
}
