/** @file JSON in and out: that of untrusted files becomes objects without a prototype, so that no key can reach one. */
import { randomUUID } from 'node:crypto'
import { RootstockError, messageOf } from '../../errors.ts'

/** Bytes of a model's description. The largest of Keras's own networks has half a megabyte. */
export const MOST_JSON = 16 * 2 ** 20
/** Values of one text: objects of a few bytes each would take a hundred times the memory of the text. Large networks have some 30,000. */
const MOST_VALUES = 1_000_000

/** Parses JSON into null-prototype objects; throws FORMAT, naming `what`, when it is not JSON or has too many values. */
export function parseJson(text: string, what: string): unknown {
  checkValues(text, what)
  try {
    // Some editors on Windows begin a text with a byte-order mark.
    return JSON.parse(text.replace(/^\uFEFF/u, ''), (_, value: unknown) => {
      const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
      return isRecord ? Object.assign(Object.create(null) as object, value) : value
    })
  } catch (error) {
    throw new RootstockError('FORMAT', `Cannot read ${what}: it is not JSON (${messageOf(error)})`, {
      hint: 'Get the file again from where it came, or use another one',
      cause: error,
    })
  }
}

/** Every value but the first follows one of three signs; those within texts count too, which does no harm. */
function checkValues(text: string, what: string): void {
  let values = 1
  for (let at = 0; at < text.length; at++) if ('[{,'.includes(text.charAt(at))) values++
  if (values <= MOST_VALUES) return
  const most = MOST_VALUES.toLocaleString('en-US')
  throw new RootstockError('FORMAT', `Cannot read ${what}: it has ${values.toLocaleString('en-US')} values, expected at most ${most}`, {
    hint: 'Get the file again from where it came, or use another one',
  })
}

/** Arguments of Keras that are floats: some of its classes refuse the integers as which JSON.stringify writes 0 and 1. */
const floats = new Set(
  (
    'momentum epsilon rate scale offset max_value negative_slope threshold learning_rate weight_decay clipnorm global_clipnorm clipvalue ' +
    'ema_momentum beta_1 beta_2 rho initial_accumulator_value initial_learning_rate end_learning_rate decay_rate alpha gamma power ' +
    'warmup_target t_mul m_mul label_smoothing'
  ).split(' '),
)

/** JSON as Python writes it: floats keep their point. */
export function writeJson(value: object): string {
  const mark = randomUUID()
  const isWhole = (found: unknown): found is number => Number.isInteger(found) && Math.abs(Number(found)) < 1e15
  const text = JSON.stringify(value, (key, found: unknown) => (floats.has(key) && isWhole(found) ? `${mark}${found}` : found))
  return text.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, 'gu'), '$1.0')
}
