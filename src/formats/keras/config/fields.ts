/** @file The arguments of layers in Keras's files: how each is written, and what is taken when it is read. */
import { activationNames } from '../../../layers/index.ts'
import { brief, isList, isObject, objectAt, textAt } from './json-value.ts'

/** One argument of a layer class. */
export interface Field {
  /** Keras's name of it. */
  readonly keras: string
  /** What a file holds for a layer with this configuration of ours; left out of the file where there is none. */
  readonly write?: (config: Readonly<Record<string, unknown>>) => unknown
  /** The options of ours that a file's value means, or why it is refused. `undefined` stands for an argument that the file leaves out. */
  readonly read: (value: unknown) => Reading
}

/** What came of an argument: options for the layer, or a refusal; either with a note for the user. */
export type Reading = { readonly options: Readonly<Record<string, unknown>>; readonly note?: string } | { readonly refusal: string }

const nothing: Reading = { options: {} }

/** An argument that we have too, under its camelCase name, when `accepts` holds. Left out means our default, which is Keras's. */
export function same(keras: string, expected: string, accepts: (value: unknown) => boolean): Field {
  const own = camelCase(keras)
  return {
    keras,
    write: (config) => config[own],
    read(value) {
      if (value === undefined) return nothing
      return accepts(value) ? { options: { [own]: value } } : { refusal: `found ${brief(value)}, expected ${expected}` }
    },
  }
}

export const number = (keras: string): Field => same(keras, 'a number', (value) => typeof value === 'number' && Number.isFinite(value))
/** One number, or a list of them, which may be an array of NumPy's. */
export function numbers(keras: string): Field {
  const isNumbers = (value: unknown): boolean =>
    (isList(value) && value.length > 0 ? value : [value]).every((entry) => Number.isFinite(entry))
  const field = same(keras, 'a number or a list of numbers', isNumbers)
  const listOf = (value: unknown): unknown => (textAt(value, 'class_name') === '__numpy__' ? objectAt(value, 'config')?.['value'] : value)
  return { ...field, read: (value) => field.read(listOf(value)) }
}
export const whole = (keras: string): Field => same(keras, 'a whole number', Number.isInteger)
export const flag = (keras: string): Field => same(keras, 'true or false', (value) => typeof value === 'boolean')
export const sizes = (keras: string): Field => same(keras, 'whole numbers', isWholeList)
export const padding = same('padding', '"valid" or "same"', (value) => value === 'valid' || value === 'same')

/** Whole numbers of height and width; Keras also writes one number for both. */
export const pair = (keras: string): Field =>
  same(keras, 'two whole numbers', (value) => Number.isInteger(value) || (isWholeList(value) && value.length === 2))

/** [[top, bottom], [left, right]] */
export const borders = (keras: string): Field =>
  same(
    keras,
    'two pairs of whole numbers',
    (value) => isList(value) && value.length === 2 && value.every((side) => isWholeList(side) && side.length === 2),
  )

/** An argument whose other values would change the numbers: we have only this one. */
export function only(keras: string, value: unknown, alike: readonly unknown[] = []): Field {
  return {
    keras,
    write: () => value,
    read: (found) =>
      found === undefined || found === value || alike.includes(found)
        ? nothing
        : { refusal: `found ${brief(found)}, which Rootstock does not compute, expected ${brief(value)}` },
  }
}

/** An argument that has no effect once the weights are there. */
export function idle(keras: string, value: unknown): Field {
  return { keras, write: () => value, read: () => nothing }
}

/** Penalties and bounds that act on training only. They are left out, with a note. */
export function trainingOnly(keras: string): Field {
  return {
    keras,
    write: () => null,
    read: (found) =>
      found == null ? nothing : { options: {}, note: `${keras} (${textAt(found, 'class_name') ?? brief(found)}) is left out` },
  }
}

/** Weight axes are last in all our layers; -1 and the number of the last axis are the same, which only the call can tell. */
export function lastAxis(keras: string): Field {
  return {
    keras,
    write: () => -1,
    read: (found) =>
      found === undefined || axisOf(found) !== undefined ? nothing : { refusal: `found ${brief(found)}, expected the last axis` },
  }
}

/** The single axis that a file means: 3, -1 or [3]. */
export function axisOf(value: unknown): number | undefined {
  const axis: unknown = isList(value) && value.length === 1 ? value[0] : value
  return typeof axis === 'number' && Number.isInteger(axis) ? axis : undefined
}

/** An activation by name. Files that hold a function of their own are refused. */
export const activation: Field = {
  keras: 'activation',
  write: (config) => config['activation'],
  read(value) {
    if (value === undefined) return nothing
    if (value === null) return { options: { activation: 'linear' } }
    const name = typeof value === 'string' ? value : builtInFunction(value)
    const known = name === 'swish' ? 'silu' : name
    if (known !== undefined && (activationNames as readonly string[]).includes(known)) return { options: { activation: known } }
    return { refusal: `found the function ${brief(name ?? value)}, expected one of ${activationNames.join(', ')}` }
  },
}

/** Keras 3 may spell a function out as an object. */
function builtInFunction(value: unknown): string | undefined {
  const isKeras = isObject(value) && (value['module'] === 'builtins' || value['module'] === 'keras.activations')
  return isKeras && value['class_name'] === 'function' ? textAt(value, 'config') : undefined
}

/** Keras's configurations of the initializers that we have, by our names. */
const initializers: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  zeros: {},
  ones: {},
  glorotUniform: { seed: null },
  glorotNormal: { seed: null },
  heUniform: { seed: null },
  heNormal: { seed: null },
  lecunUniform: { seed: null },
  lecunNormal: { seed: null },
  randomUniform: { minval: -0.05, maxval: 0.05, seed: null },
  randomNormal: { mean: 0, stddev: 0.05, seed: null },
  truncatedNormal: { mean: 0, stddev: 0.05, seed: null },
}

/** Where weights began. A file brings its weights with it, so an initializer that we lack is no reason to refuse it. */
export function initializer(keras: string): Field {
  const own = camelCase(keras)
  return {
    keras,
    write: (config) => writeInitializer(String(config[own])),
    read(value) {
      const className = typeof value === 'string' ? value : textAt(value, 'class_name')
      const name = Object.keys(initializers).find((known) => plain(known) === plain(className ?? ''))
      return name === undefined ? nothing : { options: { [own]: name } }
    },
  }
}

/** Keras's object for one of our initializers. */
export function writeInitializer(name: string): Readonly<Record<string, unknown>> {
  const className = name.slice(0, 1).toUpperCase() + name.slice(1)
  return { module: 'keras.initializers', class_name: className, config: initializers[name] ?? {}, registered_name: null }
}

/** kernel_size → kernelSize, beta_1 → beta1 */
export function camelCase(name: string): string {
  return name.replace(/_(.)/gu, (_, letter: string) => letter.toUpperCase())
}

function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}

function isWholeList(value: unknown): value is readonly number[] {
  return isList(value) && value.every(Number.isInteger)
}
