/** @file The descriptions of augmentations and mixtures, `name{"a":1,"b":[2,3]}`, read back. */

/** What a description says. */
interface Described {
  /** Of the function that makes the augmentation. */
  readonly name: string
  readonly settings: Readonly<Record<string, unknown>>
}

/** Undefined for the words of an augmentation of the user's own. */
export function readDescription(description: string): Described | undefined {
  const [, name, settings] = /^(\w+)(\{.*\})$/s.exec(description) ?? []
  if (name === undefined || settings === undefined) return undefined
  try {
    return { name, settings: JSON.parse(settings) as Described['settings'] }
  } catch {
    return undefined
  }
}
