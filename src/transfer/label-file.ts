/** @file The names of classes in a file beside a model that cannot hold them. */
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { RootstockError, messageOf } from '../errors.ts'
import { readRegular } from '../files/index.ts'

const mostBytes = 16 * 2 ** 20
const names = z.array(z.string().min(1).max(1000)).max(100_000)
const byNumber = z.record(z.string().regex(/^\d+$/u), z.string().min(1).max(1000))

/** NAME.labels.json beside NAME.keras. */
export function labelsFileOf(model: string): string {
  return model.replace(/\.(keras|h5|hdf5|json)$/u, '') + '.labels.json'
}

/** The labels beside a model: NAME.labels.json, NAME.labels.txt, labels.json, labels.txt, the first that is there. */
export async function labelsBeside(model: string): Promise<readonly string[] | undefined> {
  const own = labelsFileOf(model)
  const places = [own, own.replace(/json$/u, 'txt'), join(dirname(model), 'labels.json'), join(dirname(model), 'labels.txt')]
  for (const place of places) if (await stat(place).catch(() => undefined)) return readLabels(place)
  return undefined
}

/** One label in a line, a JSON list, or a JSON object from the number of the class to its label. Throws FILE and DATA. */
export async function readLabels(path: string): Promise<readonly string[]> {
  const bytes = await readRegular(path, { action: 'read the labels of', most: mostBytes, code: 'DATA' })
  const text = bytes.toString('utf8')
  if (!/\.json$/iu.test(path)) return text.split(/\r?\n/u).map((line) => line.trim()).filter((line) => line !== '') // prettier-ignore
  const value = parse(text, path)
  const list = names.safeParse(value)
  if (list.success) return list.data
  const record = byNumber.safeParse(value)
  const numbered = record.success ? Object.entries(record.data).sort(([a], [b]) => Number(a) - Number(b)) : []
  if (numbered.length > 0 && numbered.every(([number], i) => Number(number) === i)) return numbered.map(([, label]) => label)
  throw new RootstockError('DATA', `Cannot read the labels of ${path}: expected a list of names, as in ["cat", "dog"]`)
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new RootstockError('DATA', `Cannot read the labels of ${path}: ${messageOf(error)}`, { cause: error })
  }
}
