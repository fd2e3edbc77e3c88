/** @file Times the parts of a run by listening to its events. */
import type { TrainingEvent } from '../training/index.ts'
import type { TrainReport } from './options.ts'

/** One way of a part's photos through the frozen trunk; a run has several, such as one before each stage. */
interface Pass {
  readonly split: string
  readonly done: number
  /** Those of them that were computed. */
  readonly photos: number
  readonly seconds: number
}

export class Stopwatch {
  readonly unusable: { path: string; reason: string }[] = []
  readonly #started = performance.now()
  readonly #passes: Pass[] = []
  #trained = { photos: 0, seconds: 0 }
  #inEpoch = 0
  #fitBegan: number | undefined
  #fit = 0

  /** Takes in one event. */
  see(event: TrainingEvent): void {
    if (event.type === 'featuresProgress') this.#seePass(event)
    if (event.type === 'unusable') this.unusable.push({ path: event.path, reason: event.reason })
    if (event.type === 'trainBegin') this.#fitBegan = performance.now()
    if (event.type === 'batchEnd') this.#inEpoch = event.samples
    if (event.type === 'epochEnd') {
      this.#trained = { photos: this.#trained.photos + this.#inEpoch, seconds: this.#trained.seconds + event.seconds }
    }
    if (event.type === 'trainEnd') this.#fit += performance.now() - (this.#fitBegan ?? performance.now())
  }

  /** Of the whole run, of the frozen trunk, and of the epochs. */
  seconds(): TrainReport['seconds'] {
    const features = this.#passes.reduce((sum, { seconds }) => sum + seconds, 0)
    return { total: (performance.now() - this.#started) / 1000, features, fit: this.#fit / 1000 }
  }

  /** Photos per second through the trunk or, where it had none to compute, through training. */
  imagesPerSecond(): number {
    const computed = this.#passes.filter(({ photos }) => photos > 0)
    const parts = computed.length > 0 ? computed : [this.#trained]
    const seconds = parts.reduce((sum, part) => sum + part.seconds, 0)
    return seconds === 0 ? 0 : parts.reduce((sum, part) => sum + part.photos, 0) / seconds
  }

  /** Each event tells the whole of its pass so far. */
  #seePass({ split, done, stored = 0, seconds }: Extract<TrainingEvent, { type: 'featuresProgress' }>): void {
    const last = this.#passes.at(-1)
    if (last?.split === split && done >= last.done && seconds >= last.seconds) this.#passes.pop()
    this.#passes.push({ split, done, photos: done - stored, seconds })
  }
}
