/** @file What Keras's own callbacks did with scripted figures (test/golden/callbacks.json). */
import { readFileSync } from 'node:fs'

interface Case {
  readonly series: string
  readonly monitor: string
  readonly args: Readonly<Record<string, number | boolean | string>>
}

interface Goldens {
  readonly series: Readonly<Record<string, readonly (number | null)[]>>
  readonly earlyStopping: readonly (Case & {
    readonly stoppedAfterEpoch: number | null
    readonly stopped_epoch: number
    readonly best_epoch: number
    readonly kernelEpoch: number
  })[]
  readonly reduceLROnPlateau: readonly (Case & { readonly startLearningRate: number; readonly learningRateAfterEpoch: readonly number[] })[]
  readonly modelCheckpoint: readonly (Case & { readonly files?: readonly string[]; readonly error?: string })[]
}

export const goldens = JSON.parse(readFileSync(new URL('../../../test/golden/callbacks.json', import.meta.url), 'utf8')) as Goldens

/** The figures of a series; JSON has null for NaN. */
export function series(name: string): number[] {
  return (goldens.series[name] ?? []).map((value) => value ?? NaN)
}

/** Python's argument names in camelCase. */
export function camelCase(args: Case['args']): Record<string, number | boolean | string> {
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), value]),
  )
}

/** A title for a row of a table of cases. */
export function title(row: Case): string {
  return `${row.series} ${row.monitor} ${JSON.stringify(row.args)}`
}

interface FileGoldens {
  readonly csv: readonly {
    readonly args: { readonly separator?: string; readonly append?: boolean }
    /** Logs by run and epoch. */
    readonly runs: readonly (readonly Readonly<Record<string, number | string>>[])[]
    readonly file: string
  }[]
  /** 20 samples in batches of 4, 8 of them held out, 3 epochs. */
  readonly tensorBoard: readonly {
    readonly args: Case['args']
    readonly runs: Readonly<Record<string, Readonly<Record<string, { readonly plugin: string; readonly steps: readonly number[] }>>>>
  }[]
}

/** What Keras's callbacks wrote into files (test/golden/callback-files.json, made by scripts/make-callback-goldens.py). */
export const fileGoldens = JSON.parse(
  readFileSync(new URL('../../../test/golden/callback-files.json', import.meta.url), 'utf8'),
) as FileGoldens
