/** @file JSON of untrusted files: objects without a prototype, so that no key can reach one. */
import { RootstockError } from '../../errors.ts'

/** Parses JSON into null-prototype objects; throws FORMAT, naming `what`, when it is not JSON. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) => {
      const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
      return isRecord ? Object.assign(Object.create(null) as object, value) : value
    })
  } catch (error) {
    throw new RootstockError('FORMAT', `Cannot read ${what}: it is not JSON`, { cause: error })
  }
}
