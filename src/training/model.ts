/** @file The model that users hold: Keras's functional model with its verbs. Each verb is a file of its own. */
import { RootstockError, refuseUnknown, shownValue } from '../errors.ts'
import type { MatchOptions } from '../formats/keras/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { Functional, type ModelOptions, type SummaryOptions } from '../models/index.ts'
import type { History } from './callbacks/index.ts'
import { compileModel, followFlags, type Compiled, type CompileOptions } from './compile.ts'
import { disposeSingleSteps, evaluateModel, trainOnBatch, type EvaluateOptions, type TrainOnBatchOptions } from './evaluate.ts'
import type { Logs } from './events.ts'
import { fit, type FitOptions } from './fit.ts'
import { findRates, type FoundRates, type RateFinderOptions } from './rate-finder.ts'
import { Predictor } from './predict.ts'
import { checkData, type FitData, type Pair } from './run-data.ts'
import { loadWeights } from './saving/load-weights.ts'
import { saveModelFile, saveWeightsFile } from './saving/save-model.ts'

/** What `save` takes. */
export interface SaveOptions {
  /**
   * Told how much of a `.keras` or `.h5` file is written, in bytes of numbers. Where it is given, other work goes on while a large file is written, which must
   * not train the model.
   */
  readonly onProgress?: (done: number, total: number) => void
}

/** What `predict` takes. */
export interface PredictOptions {
  /** Samples computed at once. Default 4, the fastest on few cores. */
  readonly batchSize?: number
  /** 'fp32' computes the frozen part in float32 even where the model was trained on an 8-bit one. Default: as it was trained. */
  readonly precision?: 'fp32'
}

/** A functional model that computes. */
export class Model extends Functional {
  readonly #predictor: Predictor
  #compiled: Compiled | undefined

  /** The model between these tensors; users call `model`. Throws USAGE where they are not connected. */
  constructor(options: ModelOptions) {
    super(options)
    this.#predictor = new Predictor(this)
  }

  /** Fixes optimizer, loss and metrics, and with the first step after it which layers train. */
  compile(options: CompileOptions): void {
    this.#compiled = compileModel(this, options)
  }

  /** What the last `compile` fixed. */
  get compiled(): Compiled {
    const compiled = this.#current()
    if (compiled) return compiled
    throw new RootstockError('USAGE', `Cannot train or evaluate ${this.name}: it is not compiled`, {
      hint: 'Call compile({ optimizer, loss, metrics }) first',
    })
  }

  /** Trains on tensors `x` and `y`, an image folder, or a stream of batches. Returns the figures of every epoch. */
  fit(data: FitData, options?: FitOptions): Promise<History>
  fit(x: Tensor<'float32'>, y: Tensor, options?: FitOptions): Promise<History>
  async fit(x: FitData | Tensor<'float32'>, y?: Tensor | FitOptions, options?: FitOptions): Promise<History> {
    const { data, rest } = pairOrData<FitOptions>(x, y, options)
    return fit(this, this.#settled(), data, rest)
  }

  /** Loss and metrics over all data, weights unchanged. */
  evaluate(data: FitData, options?: EvaluateOptions): Promise<Logs>
  evaluate(x: Tensor<'float32'>, y: Tensor, options?: EvaluateOptions): Promise<Logs>
  async evaluate(x: FitData | Tensor<'float32'>, y?: Tensor | EvaluateOptions, options?: EvaluateOptions): Promise<Logs> {
    const { data, rest } = pairOrData<EvaluateOptions>(x, y, options)
    return evaluateModel(this, this.compiled, data, rest)
  }

  /** Trains shortly with growing learning rates and tells where the loss falls fastest; weights and optimizer are as before then. */
  findLearningRate(data: FitData, options?: RateFinderOptions): Promise<FoundRates>
  findLearningRate(x: Tensor<'float32'>, y: Tensor, options?: RateFinderOptions): Promise<FoundRates>
  async findLearningRate(x: FitData | Tensor<'float32'>, y?: Tensor | RateFinderOptions, options?: RateFinderOptions): Promise<FoundRates> {
    const { data, rest } = pairOrData<RateFinderOptions>(x, y, options)
    return findRates(this, this.compiled, data, rest)
  }

  /** One optimizer step on one batch; loss and metrics of that batch, before the step. */
  async trainOnBatch(x: Tensor<'float32'>, y: Tensor, options: TrainOnBatchOptions = {}): Promise<Logs> {
    return trainOnBatch(this, this.#settled(), { x, y }, options)
  }

  /** The first output for every sample of `x` [n, …], in Keras's layout. One sample without the batch axis is a batch of one. */
  async predict(x: Tensor<'float32'>, options: PredictOptions = {}): Promise<Tensor<'float32'>> {
    const [first] = await this.predictAll([x], options)
    return first!
  }

  /** All outputs for every sample, given one tensor per input. */
  async predictAll(inputs: readonly Tensor<'float32'>[], options: PredictOptions = {}): Promise<Tensor<'float32'>[]> {
    refuseUnknown('predict', options, { batchSize: true, precision: true })
    return this.#predictor.run(inputs, options.batchSize, options.precision === 'fp32')
  }

  /**
   * Writes the weights: `.weights.h5` as Keras 3 does, with the optimizer's memory when compiled; another `.h5` name, the older form;
   * `.safetensors`. Throws FILE.
   */
  saveWeights(path: string): Promise<void> {
    return saveWeightsFile(this, this.#current(), path)
  }

  /**
   * Takes the weights of a file: Keras's of all generations, `.keras`, `.safetensors`; into a compiled model also the optimizer's memory,
   * as far as the file has it. Throws FILE, FORMAT and WEIGHTS; a file that does not fit changes nothing, but numbers that are not finite
   * show only when they are reached.
   */
  async loadWeights(path: string, options: MatchOptions = {}): Promise<void> {
    refuseUnknown('loadWeights', options, { byName: true, skipMismatch: true })
    await loadWeights(this, this.#current(), path, options)
  }

  /** Writes the whole model, by the name's ending: `.keras`, `.h5` (both with what `compile` fixed), `.onnx`; or weights alone. Throws FILE. */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    refuseUnknown('save', options, { onProgress: true })
    await saveModelFile(this, this.#current(), path, options.onProgress)
  }

  override summary(options: SummaryOptions = {}): string {
    return super.summary(options)
  }

  /** Frees the native memory of compiled programs. The model can still be used; they are made again when needed. */
  async dispose(): Promise<void> {
    await this.#predictor.dispose()
    if (this.#compiled) await disposeSingleSteps(this.#compiled)
  }

  #current(): Compiled | undefined {
    if (this.#compiled) followFlags(this, this.#compiled)
    return this.#compiled
  }

  #settled(): Compiled {
    const { compiled } = this
    compiled.isSettled = true
    return compiled
  }
}

/** A model from symbolic inputs to symbolic outputs, as Keras's `Model(inputs, outputs)`. */
export function model(options: ModelOptions): Model {
  return new Model(options)
}

function pairOrData<O>(
  x: FitData | Tensor<'float32'>,
  y: Tensor | O | undefined,
  options: O | undefined,
): { data: FitData | Pair; rest: O | undefined } {
  if (isTensor(x)) {
    if (y && typeof y === 'object' && 'shape' in y) return { data: { x, y }, rest: options }
    const found = y === undefined ? '' : `found ${shownValue(y)}, `
    throw new RootstockError('USAGE', `Cannot train or evaluate on a tensor without labels: ${found}expected x, y and the options`)
  }
  checkData(x)
  return { data: x, rest: y as O | undefined }
}

function isTensor(x: unknown): x is Tensor<'float32'> {
  return typeof x === 'object' && x !== null && 'shape' in x && 'data' in x
}
