/** @file Keras's objects in files: a class name with its arguments. */
import { isObject, objectAt, textAt } from '../../formats/keras/index.ts'
import type { ConfigForm, JsonObject } from '../../formats/keras/index.ts'

/** Why something in a file cannot be taken over: the model is loaded without it, and the user is told. */
export class NotRestored extends Error {}

/** An object as Keras writes it; the older form of `.h5` files names no module. */
export function writeObject(module: string, className: string, config: object, form: ConfigForm): JsonObject {
  return form === 'h5' ? { class_name: className, config } : { module, class_name: className, config, registered_name: null }
}

/** The class and arguments of an object in a file, or of a name alone. Throws NotRestored for objects that are not Keras's own. */
export function readObject(value: unknown, module: string): { className: string; config: JsonObject } {
  if (typeof value === 'string') return { className: value, config: {} }
  const className = textAt(value, 'class_name')
  if (className === undefined || !isObject(value)) throw new NotRestored(`${JSON.stringify(value)?.slice(0, 60)} is no ${module.slice(6)}`)
  const found = value['module']
  // A function by its name: { class_name: 'function', config: 'mean_squared_error' }
  const name = className === 'function' ? textAt(value, 'config') : undefined
  if (name !== undefined && (found === 'builtins' || found === module)) return { className: name, config: {} }
  const registered = value['registered_name']
  // Keras 2.11 to 2.15 keep the optimizers of before, which they take on Macs by themselves, under "legacy".
  const isOwn = found == null || found === module || found === `${module}.legacy` || (typeof found === 'string' && found.startsWith('keras.src.')) // prettier-ignore
  if (!isOwn || (registered != null && registered !== className)) throw new NotRestored(`${className} is not Keras's own`)
  return { className, config: objectAt(value, 'config') ?? {} }
}

/** numThresholds → num_thresholds, beta1 → beta_1 */
export function kerasName(name: string): string {
  return name.replace(/[A-Z]|\d+/gu, (part) => `_${part.toLowerCase()}`)
}

/** An object with its keys in Keras's spelling. */
export function kerasNames(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.includes('_') ? key : kerasName(key), value]))
}
