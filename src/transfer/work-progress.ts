/** @file Turns the progress of downloads and of looking at photos into events of the run. */
import { setImmediate } from 'node:timers/promises'
import type { DownloadProgress } from '../files/index.ts'
import type { TrainingEvent } from '../training/index.ts'

type Listener = ((event: TrainingEvent) => void) | undefined

/** For `onProgress` of a download. */
export function downloadEvents(onEvent: Listener): (progress: DownloadProgress) => void {
  return ({ received, total, bytesPerSecond }) => {
    const seconds = bytesPerSecond > 0 ? received / bytesPerSecond : 0
    const [done, all] = [received, total ?? received].map((bytes) => Math.round(bytes / 1e5) / 10)
    onEvent?.({ type: 'workProgress', label: 'Downloading weights', done: done ?? 0, total: all ?? 0, unit: 'MB', seconds })
  }
}

/** For `onProgress` of a look at every photo, which finds copies and damaged files. */
export function lookEvents(onEvent: Listener): (done: number, total: number) => void {
  const started = performance.now()
  return (done, total) => {
    const seconds = (performance.now() - started) / 1000
    onEvent?.({ type: 'workProgress', label: 'Looking for copies', done, total, unit: 'photos', seconds })
  }
}

/** For `onProgress` of writing a file. */
export function writeEvents(onEvent: Listener, label: string): (done: number, total: number) => void {
  const started = performance.now()
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10
  return (done, total) => {
    const seconds = (performance.now() - started) / 1000
    onEvent?.({ type: 'workProgress', label, done: megabytes(done), total: megabytes(total), unit: 'MB', seconds })
  }
}

/** For work in a few long steps: call it at the beginning and after each. Signals and the terminal get their turn between two of them. */
export function stepEvents(onEvent: Listener, label: string, total: number): () => Promise<void> {
  const started = performance.now()
  let done = 0
  return async () => {
    onEvent?.({ type: 'workProgress', label, done, total, unit: 'steps', seconds: (performance.now() - started) / 1000 })
    done++
    await setImmediate()
  }
}
