/** @file The run's folder: what lies in it and how it is read back. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { RootstockError, messageOf } from '../errors.ts'
import { atomicWrite, errnoOf, fileHash, fileReason, makeFolder, readRegular } from '../files/index.ts'
import { replacedFiles } from './report/run-file-meanings.ts'
import { INTERPOLATIONS, preprocessModes, type Interpolation, type PreprocessMode } from '../image/index.ts'

/** Names in a run's folder. */
export const runFiles = {
  settings: 'run.json',
  history: 'history.csv',
  best: 'best.weights.h5',
  /** The frozen part in 8 bits, of runs in int8. */
  trunk: 'trunk.int8.onnx',
  checkpoint: 'last.ckpt',
  classifier: 'classifier.onnx',
} as const

/** A longer file is no run.json: one of 100,000 classes has a few megabytes. */
const mostBytes = 256 * 2 ** 20

const interpolations = Object.values(INTERPOLATIONS) as [string, ...string[]]

const schema = z.object({
  format: z.literal(1),
  rootstock: z.string(),
  created: z.string(),
  network: z.string(),
  alpha: z.number(),
  size: z.number().int().positive(),
  head: z.union([z.number().int().positive(), z.literal('none')]),
  classes: z.array(z.string()).min(2),
  preprocessing: z.enum(preprocessModes as [PreprocessMode, ...PreprocessMode[]]).exactOptional(),
  interpolation: z.enum(interpolations),
  exif: z.enum(['apply', 'ignore']),
  /** Of runs whose frozen part computes in 8 bits. */
  precision: z.literal('int8').exactOptional(),
  settings: z.record(z.string(), z.unknown()),
  /** Of best.weights.h5, in runs that are over. */
  weightsSha256: z.string().exactOptional(),
  report: z.unknown().optional(),
  /** Whether pictures, tables and pages follow from that report: not while they are being made, nor where that was interrupted. */
  reported: z.boolean().exactOptional(),
})

/** What run.json holds. */
export type RunSettings = Omit<z.infer<typeof schema>, 'interpolation'> & { readonly interpolation: Interpolation }

/** A folder that holds a run is not trained into again, unless that run goes on; nor one with files of others that would be lost. Code USAGE. */
export async function refuseTakenFolder(path: string, resume: boolean): Promise<void> {
  if (resume) return
  if (!(await isRunFolder(path))) return refuseForeignFiles(path)
  throw new RootstockError('USAGE', `Cannot train into ${path}: it holds a run already`, {
    hint: 'Choose another --out, go on with it by --resume, or delete the folder',
  })
}

/** `--out .` in somebody's project: its README.md is not the run's to replace. */
async function refuseForeignFiles(path: string): Promise<void> {
  const [held] = await replacedFiles(path)
  if (held === undefined) return
  throw new RootstockError(
    'USAGE',
    `Cannot train into ${path}: it holds ${held}, which the run would replace, expected a folder for the run alone`,
    {
      hint: `Choose another --out, such as --out runs/mine, or move ${held} away`,
    },
  )
}

/** Makes the folder; one that holds a run already is refused. */
export async function createRunFolder(path: string): Promise<void> {
  await refuseTakenFolder(path, false)
  try {
    makeFolder(path)
  } catch (error) {
    throw new RootstockError('FILE', `Cannot make the run's folder ${path}: ${fileReason(error)}`, {
      cause: error,
      hint: 'Choose another --out',
    })
  }
}

/** Whether a folder holds a run. */
export async function isRunFolder(path: string): Promise<boolean> {
  return stat(join(path, runFiles.settings)).then(
    () => true,
    () => false,
  )
}

/** Writes run.json whole. */
export async function writeRunSettings(path: string, settings: RunSettings): Promise<void> {
  await atomicWrite(join(path, runFiles.settings), new TextEncoder().encode(`${JSON.stringify(settings, null, 2)}\n`))
}

/** Reads run.json; anything that is not a run's is refused. */
export async function readRunSettings(path: string): Promise<RunSettings> {
  const file = join(path, runFiles.settings)
  const bytes = await readRegular(file, { action: 'load the run', most: mostBytes }).catch((error: unknown) => {
    if (!(error instanceof RootstockError) || errnoOf(error.cause) !== 'ENOENT') throw error
    throw new RootstockError('FILE', `Cannot load the run ${path}: found no ${runFiles.settings}`, {
      cause: error,
      hint: 'Give the folder that "rootstock train" wrote',
    })
  })
  const parsed = schema.safeParse(parse(file, bytes.toString('utf8')))
  if (parsed.success) return parsed.data as RunSettings
  const issue = parsed.error.issues[0]
  throw new RootstockError('FORMAT', `Cannot load ${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a run'}`, {
    hint: 'Copy the run again, or train it again',
  })
}

/** SHA-256 of the run's weights. */
export function hashWeights(path: string): Promise<string> {
  return fileHash(join(path, runFiles.best), 'sha256')
}

/** Throws WEIGHTS where the weights are not those that the run left. */
export async function checkWeights(path: string, { weightsSha256: expected }: RunSettings): Promise<void> {
  if (expected === undefined) return
  const found = await hashWeights(path)
  if (found === expected) return
  const brief = (digits: string): string => `${digits.slice(0, 12)}…`
  throw new RootstockError(
    'WEIGHTS',
    `Cannot use ${join(path, runFiles.best)}: its SHA-256 is ${brief(found)}, expected ${brief(expected)} as in ${runFiles.settings}`,
    { hint: `Copy the run again; if you replaced the weights on purpose, remove "weightsSha256" from its ${runFiles.settings}` },
  )
}

/** history.csv: one row per epoch, counted from 0 as Keras's CSVLogger does. */
export async function writeHistory(path: string, history: Readonly<Record<string, readonly number[]>>): Promise<void> {
  const names = Object.keys(history).sort()
  const epochs = Math.max(0, ...names.map((name) => history[name]!.length))
  const rows = Array.from({ length: epochs }, (_, i) => [i, ...names.map((name) => history[name]?.[i] ?? 'NA')].join(','))
  await atomicWrite(join(path, runFiles.history), new TextEncoder().encode([['epoch', ...names].join(','), ...rows, ''].join('\n')))
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new RootstockError('FORMAT', `Cannot load ${file}: ${messageOf(error)}`, {
      hint: 'Copy the run again, or train it again',
      cause: error,
    })
  }
}
