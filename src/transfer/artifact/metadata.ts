/** @file The texts inside an artifact (`metadata_props`): what they are, how they are written, and how untrusted ones are checked. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { RootstockError } from '../../errors.ts'
import { INTERPOLATIONS, preprocessModes, type Interpolation, type PreprocessMode } from '../../image/index.ts'

/** The form of the artifacts that this version writes. */
export const artifactFormat = 'rootstock-classifier/1'

const most = { text: 16 * 2 ** 20, classes: 100_000, samples: 16, picture: 16 * 1024 }
const name = z.string().min(1).max(1000)
const share = z.number().min(0).max(1)
const count = z.number().int().min(0)
const filters = [...INTERPOLATIONS] as [Interpolation, ...Interpolation[]]
const modes = [...preprocessModes] as [PreprocessMode, ...PreprocessMode[]]

/** One text per key; those that hold more than a word are JSON. */
const schema = z.object({
  format: z.literal(artifactFormat),
  description: z.string().max(10_000),
  network: name,
  rootstock_version: name,
  /** When it was written: the end of the training. */
  created: z.iso.datetime(),
  precision: z.enum(['float32', 'float16', 'int8']),
  class_names: z.array(name).min(2).max(most.classes),
  /** ImageNet's keys of the classes, where they are ImageNet's. */
  wnids: z.array(name).max(most.classes).optional(),
  preprocessing: z.object({
    /** Height and width in pixels. */
    size: z.tuple([z.number().int().min(1).max(16384), z.number().int().min(1).max(16384)]),
    interpolation: z.enum(filters),
    exif: z.enum(['apply', 'ignore']),
    /** What the graph itself does to the numbers. */
    inside_graph: z.enum(modes),
    channel_order: z.literal('rgb'),
    layout: z.literal('NHWC'),
    range: z.tuple([z.literal(0), z.literal(255)]),
  }),
  /** What logits were divided by inside the graph; 1 where probabilities are not calibrated. */
  temperature: z.object({ value: z.literal(1), calibrated: z.literal(false) }),
  metrics: z
    .object({
      test: z.object({ accuracy: share, loss: z.number(), images: count }).nullable(),
      best: z.object({ epoch: count, valLoss: z.number(), valAccuracy: share }).nullable(),
      images: z.object({ train: count, validation: count, test: count }),
      epochs: count,
    })
    .nullable(),
  parity: z.object({
    /** The largest difference of a probability that still counts as the same answer. */
    tolerance: z.number().positive().max(0.1),
    samples: z
      .array(z.object({ name, picture: z.base64().min(1).max(most.picture), probabilities: z.array(z.number()).min(2).max(most.classes) }))
      .min(1)
      .max(most.samples),
  }),
})

/** What an artifact says of itself. */
export type ArtifactMetadata = z.infer<typeof schema>

const words = new Set(['format', 'description', 'network', 'rootstock_version', 'created', 'precision'])

/** The texts of an artifact, with the hash over them and `digest`, the hash of the graph. Throws USAGE for what `readMetadata` would refuse. */
export function writeMetadata(metadata: ArtifactMetadata, digest: string): Record<string, string> {
  const given = Object.entries(metadata).filter(([, value]) => value !== undefined)
  const texts = Object.fromEntries(given.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]))
  const [issue] = schema.safeParse(metadata).error?.issues ?? []
  const long = Object.entries(texts).find(([, text]) => text.length > most.text)
  if (issue || long) {
    const found = issue ? described(issue) : `${long?.[0]} has ${long?.[1].length} characters, expected at most ${most.text}`
    throw new RootstockError('USAGE', `Cannot write a ${artifactFormat}: ${found}`, { hint: 'Save the classifier as .keras' })
  }
  return { ...texts, sha256: seal(new Map(Object.entries(texts)), digest) }
}

/** The checked texts, and whether graph and texts are as they were written. Throws FORMAT. */
export function readMetadata(
  texts: ReadonlyMap<string, string>,
  { digest, source }: { digest: string; source: string },
): { readonly metadata: ArtifactMetadata; readonly isIntact: boolean } {
  if (texts.get('format') !== artifactFormat) throw notOurs(source, texts.get('format'))
  const long = [...texts].find(([, text]) => text.length > most.text)
  if (long) throw damaged(source, `${long[0]} has ${long[1].length} characters`)
  const keys = Object.keys(schema.shape).filter((key) => texts.has(key))
  const values = Object.fromEntries(keys.map((key) => [key, valueOf(key, texts.get(key) ?? '', source)]))
  const parsed = schema.safeParse(values)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw damaged(source, issue ? described(issue) : 'its metadata are not of an artifact')
  }
  const { class_names: classes, wnids = classes, parity } = parsed.data
  const isComplete = wnids.length === classes.length && parity.samples.every(({ probabilities }) => probabilities.length === classes.length)
  if (!isComplete) throw damaged(source, `it has ${classes.length} classes, but another number of probabilities or keys`)
  return { metadata: parsed.data, isIntact: texts.get('sha256') === seal(texts, digest) }
}

/** "class_names.0: Too small: …". */
function described({ path, message }: z.core.$ZodIssue): string {
  return `${path.map(String).join('.')}: ${message}`
}

/** One hash over everything in the file. */
function seal(texts: ReadonlyMap<string, string>, digest: string): string {
  const others = [...texts].filter(([key]) => key !== 'sha256').sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([digest, others]))
    .digest('hex')
}

function valueOf(key: string, text: string, source: string): unknown {
  if (words.has(key)) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw damaged(source, `${key} is not JSON`, error)
  }
}

function notOurs(source: string, format: string | undefined): RootstockError {
  const found =
    format === undefined ? 'its metadata do not say that Rootstock wrote it' : `its format is ${JSON.stringify(format.slice(0, 60))}`
  return new RootstockError('FORMAT', `Cannot load a classifier from ${source}: ${found}, expected ${artifactFormat}`, {
    hint: 'Networks of other programs open as .keras or .h5; a classifier.onnx is written by "rootstock train" and "rootstock export"',
  })
}

function damaged(source: string, found: string, cause?: unknown): RootstockError {
  return new RootstockError('FORMAT', `Cannot load a classifier from ${source}: ${found}, expected the metadata of ${artifactFormat}`, {
    cause,
    hint: 'Copy or export the file again',
  })
}
