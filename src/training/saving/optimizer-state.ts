/** @file The optimizer's memory in the order in which Keras keeps it. */
import { sameShape, showShape, sizeOf } from '../../tensor/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { FileWeight, SavedState } from '../../formats/keras/index.ts'
import { snakeCase } from '../../formats/keras/index.ts'
import type { Variable } from '../../layers/index.ts'
import { learningRateOf, slotsOf, type Compiled } from '../compile.ts'
import { averageSlot } from '../optimizers/average.ts'
import { NotRestored } from './object-config.ts'
import { followsSchedule } from './optimizer-config.ts'

/** The steps so far, the learning rate (unless a schedule has it), then the slots. */
export function optimizerState(compiled: Compiled): { name: string; variables: SavedState[] } {
  const name = snakeCase(compiled.optimizer.name)
  const scalar = (of: string, tensor: SavedState['tensor']): SavedState => ({ name: `${name}/${of}`, shape: [], tensor })
  const number = (data: number): Tensor<'float32'> => ({ data: Float32Array.of(data), shape: [], dtype: 'float32' })
  const steps: Tensor<'int64'> = { data: BigInt64Array.of(BigInt(compiled.iterations)), shape: [], dtype: 'int64' }
  const slots = slotOrder(compiled).map(({ variable, slot }): SavedState => ({
    name: `${name}/${variable.path.replaceAll('/', '_')}_${slot}`,
    shape: variable.shape,
    get tensor() {
      return variable.toKerasLayout(slotOrZeros(slotsOf(compiled, variable)[slot]?.current, variable))
    },
  }))
  const rate = followsSchedule(compiled) ? [] : [scalar('learning_rate', number(learningRateOf(compiled)))]
  const product = compiled.optimizer.name === 'Nadam' ? [scalar('u_product', number(nadamProduct(compiled)))] : []
  return { name, variables: [scalar('iteration', steps), ...rate, ...slots, ...product] }
}

/** What is known of the memory in a file. */
export interface Origin {
  /** The file also says that this is the optimizer which left it, or is of Keras 2, where an idle memory says nothing. */
  readonly isSame?: boolean
  /** What the file calls the weights, "layer/weight". */
  readonly names?: ReadonlyMap<unknown, string>
}

/** Puts the state of a file in place. Throws NotRestored, with nothing changed, where it does not fit the compilation. */
export function restoreOptimizer(compiled: Compiled, saved: readonly FileWeight[], { isSame = false, names }: Origin = {}): void {
  const { iteration, rate, slots } = stateOf(compiled, saved, names ?? new Map())
  const wanted = slotOrder(compiled)
  // Keras 2.11 to 2.15 keep a momentum for SGD without one, behind averages, which moves nothing.
  const isPlain = compiled.optimizer.name === 'SGD' && !compiled.optimizer.rule.slots.includes('momentum')
  const isIdle = isSame && isPlain && slots.length === wanted.length + compiled.trainable.length
  const steps = scalarOf(iteration) ?? 0
  // Keras makes the memory at the first step: what was only compiled has none yet, on both sides.
  const isUntouched = slots.length === 0 && steps === 0 && compiled.iterations === 0
  if (slots.length !== wanted.length && !isIdle && !isUntouched) {
    throw new NotRestored(`the file holds ${slots.length} tensors of the optimizer's state, expected ${wanted.length}`)
  }
  const tensors = (isUntouched ? [] : wanted).map(({ variable, slot }, i) => {
    const found = slots[i]
    if (found && sameShape(found.shape, variable.shape)) return { variable, slot, tensor: found.read() }
    throw new NotRestored(
      `${slot} of ${variable.path} has the shape ${showShape(found?.shape ?? [])}, expected ${showShape(variable.shape)}`,
    )
  })
  compiled.iterations = steps
  // A schedule goes on by the steps: the rate that it had when the file was written must not take its place.
  const found = typeof compiled.optimizer.learningRate === 'number' ? scalarOf(rate) : undefined
  if (found !== undefined && found !== learningRateOf(compiled)) compiled.learningRate = found
  for (const { variable, slot, tensor } of tensors) {
    const place = slotsOf(compiled, variable)[slot]
    if (place) Object.assign(place, { current: variable.toGraphLayout(tensor), spare: undefined })
  }
}

interface SlotPlace {
  readonly variable: Variable
  readonly slot: string
}

/** Keras makes averages first, then the moments of each weight together, then what an option adds; RMSprop goes slot by slot. */
function slotOrder({ optimizer, trainable }: Compiled): SlotPlace[] {
  const own = optimizer.rule.slots.filter((slot) => slot !== averageSlot)
  const late: readonly string[] = own.filter((slot) => slot === 'velocity_hat')
  const groups: readonly (readonly string[])[] =
    optimizer.name === 'RMSprop' ? own.map((slot) => [slot]) : [own.filter((slot) => slot !== 'velocity_hat'), late]
  const averages = optimizer.rule.slots.filter((slot) => slot === averageSlot)
  return [averages, ...groups].flatMap((group) => trainable.flatMap((variable) => group.map((slot) => ({ variable, slot }))))
}

interface FoundState {
  readonly iteration: FileWeight | undefined
  readonly rate: FileWeight | undefined
  readonly slots: readonly FileWeight[]
}

function stateOf(compiled: Compiled, saved: readonly FileWeight[], names: ReadonlyMap<unknown, string>): FoundState {
  if (isCounted(saved)) return countedState(compiled, saved, names)
  return isKeras2(saved) ? keras2State(compiled, saved) : keras3State(compiled, saved)
}

/** Keras 2.11 to 2.15 keep neither the rate nor Nadam's product: what is in their places there is no single number. */
function keras3State(compiled: Compiled, saved: readonly FileWeight[]): FoundState {
  const [iteration, ...rest] = saved
  const hasRate = !followsSchedule(compiled) && isScalar(rest[0])
  const hasProduct = compiled.optimizer.name === 'Nadam' && isScalar(rest.at(-1))
  const slots = rest.slice(hasRate ? 1 : 0, hasProduct ? -1 : undefined)
  return { iteration, rate: hasRate ? rest[0] : undefined, slots }
}

function isScalar(weight: FileWeight | undefined): weight is FileWeight {
  return weight?.shape.length === 0
}

/** Names such as "Adam/conv2d/kernel/m:0" and "Adam/iter:0". */
function isKeras2(saved: readonly FileWeight[]): boolean {
  return /\/iter(?:ations?)?:0$/u.test(saved[0]?.name ?? '')
}

const keras2Slots: ReadonlyMap<string, string> = new Map([
  ['m', 'momentum'],
  ['v', 'velocity'],
  ['vhat', 'velocity_hat'],
  ['rms', 'velocity'],
  ['mg', 'average_gradient'],
  ['momentum', 'momentum'],
  ['accumulator', 'accumulator'],
])

/** Keras 2 goes slot by slot, in the order of the weights. */
function keras2State(compiled: Compiled, saved: readonly FileWeight[]): FoundState {
  const bySlot = new Map<string, FileWeight[]>()
  for (const weight of saved.slice(1)) {
    const slot = keras2Slots.get(/\/([a-z]+):0$/u.exec(weight.name)?.[1] ?? '')
    if (slot !== undefined) bySlot.set(slot, [...(bySlot.get(slot) ?? []), weight])
  }
  const slots = slotOrder(compiled).flatMap(({ slot }) => bySlot.get(slot)?.shift() ?? [])
  return { iteration: saved[0], rate: undefined, slots }
}

/** Keras 1, and Keras 2 outside TensorFlow, count their variables: "Variable_7:0", "training/Adam/m_0:0". */
function isCounted(saved: readonly FileWeight[]): boolean {
  return /(?:^|\/)(?:Variable(?:_\d+)?|param_\d+|(?:m|v|vhat|moment|accumulator)_\d+)(?::0)?$/u.test(saved.at(-1)?.name ?? '')
}

/** They go slot by slot: Keras 2 in the order of the model, Keras 1 in that of the weights' names ("dense_1_W:0" in the layer "dense_1"). */
function countedState(compiled: Compiled, saved: readonly FileWeight[], names: ReadonlyMap<unknown, string>): FoundState {
  const { optimizer, trainable } = compiled
  const partsOf = (variable: Variable): string[] => names.get(variable)?.split('/') ?? []
  const nameOf = (variable: Variable): string => partsOf(variable).at(-1) ?? ''
  const isKeras1 = trainable.every((variable) => nameOf(variable).startsWith(`${partsOf(variable).at(-2)}_`))
  const order = isKeras1 ? [...trainable].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)) : trainable
  const tensors = saved.filter((weight) => !isScalar(weight))
  const placeOf = ({ variable, slot }: SlotPlace): number => optimizer.rule.slots.indexOf(slot) * order.length + order.indexOf(variable)
  const slots = slotOrder(compiled).flatMap((place) => tensors[placeOf(place)] ?? [])
  return { iteration: isScalar(saved[0]) ? saved[0] : undefined, rate: undefined, slots }
}

function scalarOf(weight: FileWeight | undefined): number | undefined {
  return isScalar(weight) ? weight.read().data[0] : undefined
}

/** Not copied: the writer takes it at once. A slot that no step has filled holds zeros. */
function slotOrZeros(tensor: Tensor<'float32'> | undefined, variable: Variable): Tensor<'float32'> {
  const data = tensor?.data ?? new Float32Array(sizeOf(variable.shape))
  return { data, shape: variable.graphShape, dtype: 'float32' }
}

/** Π μₜ over the steps so far, μₜ = β₁(1 − ½·0.96ᵗ): Keras keeps the product, we compute it. */
function nadamProduct({ optimizer, iterations }: Compiled): number {
  const { beta1 } = optimizer.config
  let product = 1
  for (let t = 1; t <= iterations; t++) product *= (typeof beta1 === 'number' ? beta1 : 0.9) * (1 - 0.5 * 0.96 ** t)
  return product
}
