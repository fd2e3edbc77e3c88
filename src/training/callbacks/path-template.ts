/** @file File names such as `{epoch:02d}-{val_loss:.4f}.weights.h5`, filled as Python's str.format does. */
import { RootstockError, unknownName } from '../../errors.ts'
import { formatNumber, parseFormat } from './number-format.ts'
import type { NumberFormat } from './number-format.ts'

/** Values by name; as in Python a whole number (bigint) and a float (number) are written differently. */
export type TemplateValues = Readonly<Record<string, number | bigint>>

/** A parsed file name. */
export interface PathTemplate {
  /** The name with every field filled; UNKNOWN_NAME for a field without a value. */
  fill(values: TemplateValues): string
}

type Piece = string | { readonly field: string; readonly format: NumberFormat }

/** Parses `text`; USAGE for braces that do not match and formats that do not exist. */
export function pathTemplate(text: string): PathTemplate {
  const pieces = parse(text)
  return {
    fill: (values) => pieces.map((piece) => (typeof piece === 'string' ? piece : fillField(piece, values))).join(''),
  }
}

function fillField({ field, format }: Exclude<Piece, string>, values: TemplateValues): string {
  const value = Object.hasOwn(values, field) ? values[field] : undefined
  if (value === undefined) throw unknownName('field of a checkpoint path', field, Object.keys(values))
  return formatNumber(value, format)
}

/** Doubled braces are braces; `{name}` and `{name:format}` are fields. */
function parse(text: string): Piece[] {
  const pieces: Piece[] = []
  const token = /\{\{|\}\}|\{([^{}:!]*)(?::([^{}]*))?\}|[^{}]+|[{}]/gy
  for (const [match, field, format = ''] of text.matchAll(token)) {
    if (match === '{{' || match === '}}') pieces.push(match.charAt(0))
    else if (field !== undefined) pieces.push(parseField(text, field, format))
    else if (match === '{' || match === '}') throw broken(text, `"${match}" stands alone`)
    else pieces.push(match)
  }
  return pieces
}

function parseField(text: string, field: string, format: string): Piece {
  if (!/^\w+$/.test(field)) throw broken(text, `"{${field}}" is no field name`)
  const parsed = parseFormat(format)
  if (parsed === undefined) throw broken(text, `"${format}" is no number format`)
  return { field, format: parsed }
}

function broken(text: string, found: string): RootstockError {
  return new RootstockError(
    'USAGE',
    `Cannot read the checkpoint path "${text}": ${found}, expected fields such as {epoch:02d} or {val_loss:.4f}`,
    {
      hint: 'Write {{ and }} for braces that belong to the name.',
    },
  )
}
