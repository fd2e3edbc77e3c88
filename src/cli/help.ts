/** @file The texts of --help, laid out for terminals of any width. */
import { flagName, type Command, type Flag, type Operand } from './command.ts'

/** Flags of every command. */
export const COMMON = [
  ['--config <FILE>', 'Take settings from this YAML or JSON file; default rootstock.config.yaml, .yml or .json of the current folder'],
  ['--no-config', 'Read no such file'],
  ['--json', 'Print one JSON object on the last line of stdout, and nothing else there'],
  ['-q, --quiet', 'Show no progress and no notes; errors are still told'],
  ['--no-color', 'Print without colours'],
  ['-h, --help', 'Print this help'],
] as const

/** Wider lines are hard to read. */
const WIDEST = 100
/** Names that are longer than this have their text below them. */
const LONGEST_NAME = 30
/** A column of text that is narrower than this stands below its name. */
const LEAST_TEXT = 34

type Row = readonly [name: string, text: string]

/** What `rootstock` without a command prints. */
export function programHelp(commands: readonly Command[], columns: number): string {
  const width = Math.min(columns, WIDEST)
  return sections([
    ['Usage: rootstock COMMAND …'],
    wrap('Graft your own classes onto a pretrained network: transfer learning for photos.', width),
    [
      'Commands:',
      ...table(
        commands.map(({ name, summary }) => [name, summary]),
        width,
      ),
    ],
    ['Flags of every command:', ...table([...COMMON, ['-V, --version', 'Print the version']], width)],
    ['Examples:', ...examples(['rootstock train photos', 'rootstock predict runs/latest new-photo.jpg', 'rootstock train --help'], width)],
    wrap('Settings from files and variables, and completion for shells: docs/configuration.md', width),
  ])
}

/** What `rootstock NAME --help` prints. */
export function commandHelp({ name, summary, operands, flags, examples: lines }: Command, columns: number): string {
  const width = Math.min(columns, WIDEST)
  const own = Object.entries(flags).map(([key, flag]): Row => [shown(key, flag), flag.description])
  return sections([
    wrap(['Usage: rootstock', name, ...operands.map(placeOf), '[FLAGS]'].join(' '), width, '  '),
    wrap(summary, width),
    ...(operands.length > 0
      ? [
          [
            'Words:',
            ...table(
              operands.map((operand) => [operand.name, operand.description]),
              width,
            ),
          ],
        ]
      : []),
    ...(own.length > 0 ? [['Flags:', ...table(own, width)]] : []),
    ['Flags of every command:', ...table(COMMON, width)],
    ['Examples:', ...examples(lines, width)],
  ])
}

function shown(key: string, { value, leftOut }: Flag<unknown>): string {
  if (value === undefined) return flagName(key)
  return `${flagName(key)} ${leftOut !== undefined ? `[${value}]` : `<${value}>`}`
}

/** `<NAME>`, `<NAME…>` or `[NAME]`. */
function placeOf({ name, variadic, optional }: Operand): string {
  const words = variadic ? `${name}...` : name
  return optional ? `[${words}]` : `<${words}>`
}

function sections(parts: readonly (readonly string[])[]): string {
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

/** Names to the left, texts to the right; on a narrow terminal texts below their names. */
function table(rows: readonly Row[], width: number): string[] {
  const names = rows.map(([name]) => name.length).filter((length) => length <= LONGEST_NAME)
  const left = Math.max(0, ...names) + 4
  if (width - left < LEAST_TEXT) return rows.flatMap(([name, text]) => [`  ${name}`, ...indented(text, 6, width)])
  return rows.flatMap(([name, text]) => {
    const [first = '', ...more] = indented(text, left, width)
    return name.length + 4 > left ? [`  ${name}`, first, ...more] : [`  ${name}`.padEnd(left) + first.trimStart(), ...more]
  })
}

function indented(text: string, indent: number, width: number): string[] {
  return wrap(text, Math.max(1, width - indent)).map((line) => ' '.repeat(indent) + line)
}

/** Lines of at most `width` characters; a longer word stands alone. `indent` stands before all lines but the first. */
function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = indent + word
    } else line += line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line]
}

/** Commands that are too long are broken as a POSIX shell reads them. */
function examples(lines: readonly string[], width: number): string[] {
  return lines.flatMap((line) => {
    const parts = wrap(line, width - 4, '    ')
    return parts.map((part, i) => `  ${part}${i < parts.length - 1 ? ' \\' : ''}`)
  })
}
