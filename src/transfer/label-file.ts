/** @file The names of classes in a file beside a model that cannot hold them. */
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { RootstockError, messageOf } from '../errors.ts'
import { readRegular } from '../files/index.ts'

const mostBytes = 16 * 2 ** 20
const most = { labels: 100_000, characters: 1000 }
const example = 'Give every class a name, as in ["cat", "dog"]'
const label = z.string().min(1).max(most.characters)
const names = z.array(label).max(most.labels)
const byNumber = z.record(z.string().regex(/^\d+$/u), label)

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

/** The same labels, where every file of a classifier can hold them. Throws DATA. */
export function checkLabels(labels: readonly string[], path: string): readonly string[] {
  const refuse = (found: string, expected: string): RootstockError =>
    new RootstockError('DATA', `Cannot name the classes of ${path}: found ${found}, expected ${expected}`, { hint: example })
  const count = (number: number): string => number.toLocaleString('en-US')
  if (labels.length > most.labels) throw refuse(`${count(labels.length)} labels`, `at most ${count(most.labels)}`)
  const wrong = labels.findIndex((each) => !label.safeParse(each).success)
  if (wrong < 0) return labels
  const found: unknown = labels[wrong]
  const what = typeof found === 'string' ? `${count(found.length)} characters` : String(found)
  throw refuse(`${what} as label ${wrong}`, `1 to ${count(most.characters)} characters`)
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
  throw new RootstockError('DATA', `Cannot read the labels of ${path}: expected a list of names`, { hint: example })
}

function parse(text: string, path: string): unknown {
  try {
    // Some editors on Windows begin a text with a byte-order mark.
    return JSON.parse(text.replace(/^\uFEFF/u, ''))
  } catch (error) {
    throw new RootstockError('DATA', `Cannot read the labels of ${path}: ${messageOf(error)}`, { hint: example, cause: error })
  }
}
