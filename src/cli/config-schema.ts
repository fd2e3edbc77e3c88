/** @file The JSON schema of config files, made of the tables of flags, so that editors complete what the command line takes. */
import { kebab, settableCommands, type Command, type Flag, type FlagForm } from './command.ts'

/** A JSON schema (draft 7), as plain data. */
export type Schema = Readonly<Record<string, unknown>>

/** The schema of a file with settings for any of `commands`. */
export function configSchema(all: readonly Command[]): Schema {
  const commands = settableCommands(all)
  const sections = commands.map((command) => [command.name, sectionSchema(command)] as const)
  const top = new Map<string, Schema[]>(sections.map(([name, schema]) => [name, [schema]]))
  for (const command of commands)
    for (const [name, schema] of Object.entries(settings(command))) {
      const known = top.get(name) ?? []
      if (!known.some((each) => JSON.stringify(each) === JSON.stringify(schema))) top.set(name, [...known, schema])
    }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Settings of rootstock',
    description:
      'One mapping per command, or settings at the top: for the command that "command" names, or for every command that has them',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      command: { description: 'The one command that the settings at the top are for', enum: commands.map(({ name }) => name) },
      ...Object.fromEntries(Array.from(top, ([name, schemas]) => [name, schemas.length === 1 ? schemas[0] : { anyOf: schemas }])),
    },
  }
}

function sectionSchema(command: Command): Schema {
  return { description: command.summary, type: 'object', additionalProperties: false, properties: settings(command) }
}

/** Flags under both spellings of their names, and operands. */
function settings({ operands, flags }: Command): Readonly<Record<string, Schema>> {
  const rows = Object.entries(flags).flatMap(([key, flag]) =>
    [...new Set([kebab(key), key])].map((name) => [name, flagSchema(flag)] as const),
  )
  const opposites = Object.entries(flags).flatMap(([key, { description }]) =>
    /^no[A-Z]/.test(key) ? [[kebab(key).slice(3), { description: `false: ${description}`, type: 'boolean' }] as const] : [],
  )
  const words = operands.map(({ name, description, variadic }) => {
    const one = { type: 'string' }
    return [name.toLowerCase(), { description, ...(variadic ? { anyOf: [one, { type: 'array', items: one }] } : one) }] as const
  })
  return Object.fromEntries<Schema>([...words, ...rows, ...opposites])
}

function flagSchema({ description, form, leftOut, isRepeatable = false }: Flag<unknown>): Schema {
  const schema = formSchema(form, isRepeatable)
  return { description, ...(leftOut !== undefined ? { anyOf: [schema, { const: true }] } : schema) }
}

/** A flag that may stand several times may have numbers for values. */
function formSchema(form: FlagForm, isRepeatable: boolean): Schema {
  switch (form.kind) {
    case 'switch':
      return { type: 'boolean' }
    case 'text':
      return form.suggestions.length === 0 ? { type: 'string' } : { anyOf: [{ enum: form.suggestions }, { type: 'string' }] }
    case 'texts': {
      const one = { type: isRepeatable ? ['string', 'number'] : 'string' }
      return { anyOf: [one, { type: 'array', items: one }] }
    }
    case 'names':
      return { enum: form.names }
    case 'integer':
    case 'number': {
      const number = { type: form.kind, ...form.bounds }
      return form.or === undefined ? number : { anyOf: [number, { const: form.or }] }
    }
  }
}
