/** @file Where a command writes its picture, and in which form: the name says it. */
import { extname } from 'node:path'
import { RootstockError } from '../errors.ts'

/** Throws FILE where a file could not be written, before the work that it would hold. */
export async function checkPlaces(files: readonly string[]): Promise<void> {
  const { checkWritable } = await import('../files/index.ts')
  for (const file of files) checkWritable(file)
}

/** The extension of `file` without its dot. Throws USAGE where it is none of `forms`. */
export function formOf<const F extends string>(file: string, forms: readonly F[]): F {
  const found = extname(file).slice(1).toLowerCase()
  const form = forms.find((candidate) => candidate === found)
  if (form !== undefined) return form
  const list = forms.map((name) => `.${name}`).join(' or ')
  throw new RootstockError('USAGE', `Invalid value "${file}" of --out: expected a name that ends in ${list}`, {
    hint: `Give such a value, or leave --out out`,
  })
}
