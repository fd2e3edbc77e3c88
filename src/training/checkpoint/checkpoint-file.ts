/** @file The one file of a checkpoint: tensors, and the rest as JSON in the header. */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf, RootstockError } from '../../errors.ts'
import { atomicWrite, errnoOf, fileError } from '../../files/index.ts'
import { readTensors, writeTensors, type NamedTensor, type TensorFile } from '../../formats/safetensors/index.ts'
import type { CallbackState } from '../callback.ts'
import { storedCount, storedFigure, storeFigure } from '../callbacks/stored-state.ts'
import type { Logs } from '../events.ts'

const logs = z.record(z.string(), storedFigure)

const schema = z.object({
  format: z.literal(1),
  /** What must be as it was. */
  settings: z.record(z.string(), z.string()),
  progress: z.object({
    epoch: storedCount,
    batch: storedCount,
    samples: storedCount,
    loss: storedFigure,
    logs,
    stream: storedCount,
  }),
  /** Whether a callback had asked for the end. */
  stopped: z.boolean(),
  iterations: storedCount,
  learningRate: storedFigure.nullable(),
  averagesInModel: z.boolean(),
  metrics: z.array(z.unknown()),
  callbacks: z.array(z.object({ name: z.string(), state: z.unknown(), tensors: storedCount })),
  extra: z.unknown().optional(),
})

/** Everything of a checkpoint but its tensors. */
export type CheckpointState = z.infer<typeof schema>

/** A checkpoint as it was read. */
export interface CheckpointFile {
  readonly path: string
  readonly state: CheckpointState
  readonly tensors: TensorFile['tensors']
}

const KEY = 'rootstock.checkpoint'

const beginning = z.object({ format: z.literal(1), callbacks: z.array(z.object({ name: z.string(), state: z.unknown() })) })

/** The file in a checkpoint's folder. */
export function checkpointPath(folder: string): string {
  return join(folder, 'state.safetensors')
}

/** Replaces the checkpoint in `folder`, whole or not at all. Throws FILE. */
export async function writeCheckpoint(folder: string, state: CheckpointState, tensors: readonly NamedTensor[]): Promise<void> {
  const { progress, learningRate } = state
  const stored = {
    ...state,
    progress: { ...progress, loss: storeFigure(progress.loss), logs: storeLogs(progress.logs) },
    learningRate: learningRate === null ? null : storeFigure(learningRate),
  }
  await writeTensors(checkpointPath(folder), tensors, { [KEY]: JSON.stringify(stored) })
}

/** The checkpoint in `folder`; undefined where there is none. Throws FORMAT when it is damaged. */
export async function openCheckpoint(folder: string): Promise<CheckpointFile | undefined> {
  const path = checkpointPath(folder)
  if (!existsSync(path)) return undefined
  const { tensors, metadata } = await readTensors(path).catch((error: unknown) => {
    throw damaged(path, error)
  })
  const parsed = schema.safeParse(parse(path, metadata[KEY]))
  if (parsed.success) return { path, state: parsed.data, tensors }
  const issue = parsed.error.issues[0]
  throw damaged(path, new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown form'}`))
}

/** Keeps what callbacks knew when the run in `folder` began, such as the lengths of their files, until there is a checkpoint. Throws FILE. */
export async function writeBeginning(folder: string, states: readonly CallbackState[]): Promise<void> {
  const callbacks = states.map(({ name, state }) => ({ name, state }))
  await atomicWrite(beginningPath(folder), Buffer.from(JSON.stringify({ format: 1, callbacks })))
}

/** What callbacks knew when a run began that never came to a checkpoint; undefined where there was none. Throws FORMAT when it is damaged. */
export async function readBeginning(folder: string): Promise<readonly CallbackState[] | undefined> {
  const path = beginningPath(folder)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw fileError(error, path, { action: 'read' })
  })
  if (text === undefined) return undefined
  const parsed = beginning.safeParse(parse(path, text))
  if (!parsed.success) throw damaged(path, new Error(parsed.error.issues[0]?.message ?? 'unknown form'))
  return parsed.data.callbacks.map(({ name, state }) => ({ name, state }))
}

/** A checkpoint says more. */
export async function removeBeginning(folder: string): Promise<void> {
  await rm(beginningPath(folder), { force: true })
}

function beginningPath(folder: string): string {
  return join(folder, 'begun.json')
}

function storeLogs(figures: Logs): Record<string, number | string> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, storeFigure(value)]))
}

function parse(path: string, text: string | undefined): unknown {
  if (text === undefined) throw damaged(path, new Error(`it has no ${KEY}`))
  try {
    return JSON.parse(text)
  } catch (error) {
    throw damaged(path, error)
  }
}

function damaged(path: string, error: unknown): RootstockError {
  if (error instanceof RootstockError && error.code === 'FILE') return error
  return new RootstockError('FORMAT', `Cannot resume from ${path}: ${messageOf(error)}`, {
    hint: 'Start the run anew in another folder; the best weights that it saved are not affected',
    cause: error,
  })
}
