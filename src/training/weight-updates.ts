/** @file Updates of weights where one is large: their gradients come from the engine, the optimizer's arithmetic is one loop over memory. */
import { bytesFor, compileKernel, kernelMemory, type LoopMemory } from '../engine/index.ts'
import { loopFor, type Loop, type Tape, type Value } from '../graph/index.ts'
import type { Variable } from '../layers/index.ts'
import { madeLater, sizeOf, transpose, type Shape, type Tensor } from '../tensor/index.ts'
import type { Compiled } from './compile.ts'
import type { TrainedValue } from './step-graph.ts'

/** Where no weight has so many numbers, all stay in the step's graph, of which several can run in one call. */
const LARGE = 2 ** 17

/** Whether a weight is worth a loop of its own. */
export const isLarge = ({ graphShape }: Variable): boolean => sizeOf(graphShape) >= LARGE

/** How one weight and what the optimizer remembers of it are updated outside the graph. */
export interface WeightUpdate {
  readonly variable: Variable
  /** The weight and its slots; `loop.results` are their new numbers, in this order. */
  readonly rows: readonly TrainedValue[]
  readonly loop: Loop
  /** Its rows and columns are exchanged in the graph, and those of its slots and gradient too. */
  readonly isTurned: boolean
  /** What the loop reads and the graph has to give: the gradient, and sums over it that clipping needs. */
  readonly wanted: readonly Value[]
}

export interface SplitUpdates {
  readonly updates: readonly WeightUpdate[]
  /** What the graph updates itself. */
  readonly rest: readonly TrainedValue[]
}

/** Where the numbers lie that loops read and write: made once for a compilation, for every batch size. */
export interface UpdateMemory {
  readonly memory: LoopMemory
  readonly places: Map<Variable, Map<string, Place>>
  used: number
}

/** A part of the memory. */
interface Place {
  readonly tensor: Tensor<'float32'>
  /** What others have seen of it since the last step; undefined before the first. */
  shown: Tensor<'float32'> | undefined
}

/** Takes the updates of all weights out of the graph if one is large. */
export function splitUpdates(
  tape: Tape,
  given: {
    readonly compiled: Compiled
    readonly trained: readonly TrainedValue[]
    readonly gradients: ReadonlyMap<Variable, Value>
    readonly turned: ReadonlySet<Variable>
  },
): SplitUpdates {
  const { compiled, trained, gradients, turned } = given
  if (![...gradients.keys()].some(isLarge)) return { updates: [], rest: trained }
  const updates = Array.from(gradients, ([variable, gradient]) => {
    const rows = trained.filter((row) => row.variable === variable)
    return updateOf(tape, { variable, gradient, rows, isTurned: turned.has(variable) })
  }).filter((update) => update !== undefined)
  if (updates.length === 0 || !reserve(compiled, updates)) return { updates: [], rest: trained }
  const taken = new Set(updates.map(({ variable }) => variable))
  return { updates, rest: trained.filter(({ variable }) => !taken.has(variable)) }
}

function updateOf(
  tape: Tape,
  { gradient, ...update }: Pick<WeightUpdate, 'variable' | 'rows' | 'isTurned'> & { readonly gradient: Value },
): WeightUpdate | undefined {
  const { rows } = update
  const own = new Set(rows.map(({ old }) => old))
  const loop = loopFor(
    tape,
    rows.map(({ updated }) => updated),
    (value) => own.has(value) || value === gradient,
  )
  // A loop writes over what it reads.
  if (!loop || [...own].some((old) => !loop.arrays.includes(old))) return undefined
  const wanted = [...loop.arrays, ...loop.numbers].filter((value) => !own.has(value) && !tape.inputs.includes(value))
  return { ...update, loop, wanted }
}

/** Makes sure of the memory: for every weight its rows, and what the graph gives. */
function reserve(compiled: Compiled, updates: readonly WeightUpdate[]): boolean {
  const bytesOf = ({ rows, loop, wanted }: WeightUpdate): number => bytesFor(loop.size) * (rows.length + wanted.length)
  const sum = (some: readonly WeightUpdate[]): number => some.reduce((bytes, update) => bytes + bytesOf(update), 0)
  const held = compiled.updateMemory
  const missing = sum(updates.filter(({ variable }) => !held?.places.has(variable)))
  if (held && held.used + missing <= held.memory.buffer.byteLength) return true
  const memory = kernelMemory(sum(updates))
  if (memory) compiled.updateMemory = { memory, places: new Map(), used: 0 }
  return memory !== undefined
}

/** Updates that are ready to run. */
export interface ReadyUpdates {
  /** Weights and slots, brought where the loops find them. */
  feeds(): readonly (readonly [Value, Tensor<'float32'>])[]
  /** Where the graph shall write what the loops read. */
  readonly targets: ReadonlyMap<Value, Tensor<'float32'>>
  /** Once the graph has run. `numberOf` gives its inputs of one number. */
  run(numberOf: (value: Value) => number): void
}

/** `at` says where values went that the graph gives. */
export function readyUpdates(updates: readonly WeightUpdate[], compiled: Compiled, at: (value: Value) => Value): ReadyUpdates {
  // Two weights may have one gradient, of which the graph has one output.
  const targets = new Map<Value, Tensor<'float32'>>()
  const ready = updates.map((update) => readyUpdate(update, compiled.updateMemory!, { at, targets }))
  return {
    feeds: () => ready.flatMap(({ feeds }) => feeds()),
    targets,
    run: (numberOf) => ready.forEach(({ run }) => run(numberOf)),
  }
}

function readyUpdate(
  { variable, rows, loop, wanted, isTurned }: WeightUpdate,
  held: UpdateMemory,
  { at, targets }: { readonly at: (value: Value) => Value; readonly targets: Map<Value, Tensor<'float32'>> },
): Pick<ReadyUpdates, 'feeds' | 'run'> {
  const { graphShape } = variable
  const shape = isTurned ? graphShape.toReversed() : graphShape
  const placeOf = (name: string, sides: Shape): Place => place(held, { variable, name, shape: sides })
  const own = new Map(rows.map((row) => [row.old, placeOf(`row ${row.slot}${isTurned ? ', turned' : ''}`, shape)]))
  for (const [i, value] of wanted.entries())
    if (!targets.has(at(value))) targets.set(at(value), placeOf(`wanted ${i}`, value.shape as Shape).tensor)
  const tensorOf = (value: Value): Tensor<'float32'> | undefined => own.get(value)?.tensor ?? targets.get(at(value))
  const arrays = loop.arrays.map((value) => tensorOf(value)!.data.byteOffset)
  const kernel = compileKernel(
    loop,
    rows.map(({ old }) => old),
    held.memory,
  )
  return {
    feeds: () => rows.map((row) => [row.old, bring(row, own.get(row.old)!, isTurned)]),
    run(numberOf) {
      kernel.run({ arrays, numbers: loop.numbers.map((value) => tensorOf(value)?.data[0] ?? numberOf(value)) })
      for (const row of rows) show(row, own.get(row.old)!, isTurned)
    },
  }
}

/** The same place whenever the same thing of a weight is asked for. */
function place(
  held: UpdateMemory,
  { variable, name, shape }: { readonly variable: Variable; readonly name: string; readonly shape: Shape },
): Place {
  const places = held.places.get(variable) ?? new Map<string, Place>()
  held.places.set(variable, places)
  const found = places.get(name)
  if (found) return found
  const size = sizeOf(shape)
  const data = new Float32Array(held.memory.buffer, held.used, size)
  const made: Place = { tensor: { data, shape, dtype: 'float32' }, shown: undefined }
  held.used += bytesFor(size)
  places.set(name, made)
  return made
}

/** The row's numbers in their place. They lie elsewhere before the first step, and when they were loaded or set since the last. */
function bring(row: TrainedValue, { tensor, shown }: Place, isTurned: boolean): Tensor<'float32'> {
  const { current } = row.read()
  if (current === shown) return tensor
  if (isTurned) turn(current, tensor.data)
  else tensor.data.set(current.data)
  return tensor
}

/** Says that the numbers changed. Turned ones are turned back for whoever reads them before the next step, which few do. */
function show(row: TrainedValue, at: Place, isTurned: boolean): void {
  at.shown = isTurned ? turnedLater(at.tensor) : at.tensor
  row.write({ current: at.shown, spare: undefined })
}

/** A matrix with rows and columns exchanged. */
const turn = (tensor: Tensor<'float32'>, room?: Float32Array): Tensor<'float32'> => transpose(tensor, [1, 0], room)

/** The same as soon as somebody reads it. */
export function turnedLater(tensor: Tensor<'float32'>): Tensor<'float32'> {
  return madeLater(tensor.shape.toReversed(), () => turn(tensor).data)
}
