/** @file Updates of weights where one is large: their gradients come from the engine, the optimizer's arithmetic is one loop over memory. */
import { bytesFor, compileKernel, kernelMemory, type LoopMemory } from '../engine/index.ts'
import { loopFor, type Loop, type Tape, type Value } from '../graph/index.ts'
import type { Variable } from '../layers/index.ts'
import { sizeOf, type Shape, type Tensor } from '../tensor/index.ts'
import type { Compiled } from './compile.ts'
import type { TrainedValue } from './step-graph.ts'

/** Where no weight has so many numbers, all stay in the step's graph, of which several can run in one call. */
const LARGE = 2 ** 17

/** How one weight and what the optimizer remembers of it are updated outside the graph. */
export interface WeightUpdate {
  readonly variable: Variable
  /** The weight and its slots; `loop.results` are their new numbers, in this order. */
  readonly rows: readonly TrainedValue[]
  readonly loop: Loop
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
  readonly places: Map<Variable, Map<string, Tensor<'float32'>>>
  used: number
}

/** Takes the updates of all weights out of the graph if one is large. */
export function splitUpdates(
  tape: Tape,
  { compiled, trained, gradients }: { compiled: Compiled; trained: readonly TrainedValue[]; gradients: ReadonlyMap<Variable, Value> },
): SplitUpdates {
  const isLarge = ({ graphShape }: Variable): boolean => sizeOf(graphShape) >= LARGE
  if (![...gradients.keys()].some(isLarge)) return { updates: [], rest: trained }
  const updates = Array.from(gradients, ([variable, gradient]) => {
    const rows = trained.filter((row) => row.variable === variable)
    return updateOf(tape, { variable, gradient, rows })
  }).filter((update) => update !== undefined)
  if (updates.length === 0 || !reserve(compiled, updates)) return { updates: [], rest: trained }
  const taken = new Set(updates.map(({ variable }) => variable))
  return { updates, rest: trained.filter(({ variable }) => !taken.has(variable)) }
}

function updateOf(
  tape: Tape,
  { variable, gradient, rows }: { variable: Variable; gradient: Value; rows: readonly TrainedValue[] },
): WeightUpdate | undefined {
  const own = new Set(rows.map(({ old }) => old))
  const loop = loopFor(
    tape,
    rows.map(({ updated }) => updated),
    (value) => own.has(value) || value === gradient,
  )
  const wanted = [...(loop?.arrays ?? []), ...(loop?.numbers ?? [])].filter((value) => !own.has(value) && !tape.inputs.includes(value))
  return loop && { variable, rows, loop, wanted }
}

/** Makes sure of the memory: for every weight its rows, and what the graph gives. */
function reserve(compiled: Compiled, updates: readonly WeightUpdate[]): boolean {
  const held = compiled.updateMemory
  const needed = updates
    .filter(({ variable }) => !held?.places.has(variable))
    .reduce((sum, { rows, loop, wanted }) => sum + bytesFor(loop.size) * (rows.length + wanted.length), 0)
  if (held && held.used + needed <= held.memory.buffer.byteLength) return true
  const memory = kernelMemory(needed)
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
  { variable, rows, loop, wanted }: WeightUpdate,
  held: UpdateMemory,
  { at, targets }: { readonly at: (value: Value) => Value; readonly targets: Map<Value, Tensor<'float32'>> },
): Pick<ReadyUpdates, 'feeds' | 'run'> {
  const placeOf = (name: string, shape: Shape): Tensor<'float32'> => place(held, { variable, name, shape })
  const own = new Map(rows.map((row) => [row.old, placeOf(`row ${row.slot}`, variable.graphShape)]))
  for (const [i, value] of wanted.entries())
    if (!targets.has(at(value))) targets.set(at(value), placeOf(`wanted ${i}`, value.shape as Shape))
  const tensorOf = (value: Value): Tensor<'float32'> | undefined => own.get(value) ?? targets.get(at(value))
  const arrays = loop.arrays.map((value) => tensorOf(value)!.data.byteOffset)
  const kernel = compileKernel(
    loop,
    rows.map(({ old }) => old),
    held.memory,
  )
  return {
    feeds: () => rows.map((row) => [row.old, moved(row, own.get(row.old)!)]),
    run(numberOf) {
      kernel.run({ arrays, numbers: loop.numbers.map((value) => tensorOf(value)?.data[0] ?? numberOf(value)) })
      for (const row of rows) row.write({ current: own.get(row.old)!, spare: undefined })
    },
  }
}

/** The same place whenever the same thing of a weight is asked for. */
function place(
  held: UpdateMemory,
  { variable, name, shape }: { readonly variable: Variable; readonly name: string; readonly shape: Shape },
): Tensor<'float32'> {
  const places = held.places.get(variable) ?? new Map<string, Tensor<'float32'>>()
  held.places.set(variable, places)
  const found = places.get(name)
  if (found) return found
  const size = sizeOf(shape)
  const made: Tensor<'float32'> = { data: new Float32Array(held.memory.buffer, held.used, size), shape, dtype: 'float32' }
  held.used += bytesFor(size)
  places.set(name, made)
  return made
}

/** The row's numbers in that place. They lie elsewhere before the first step, and when they were loaded or set since the last. */
function moved(row: TrainedValue, own: Tensor<'float32'>): Tensor<'float32'> {
  const { current } = row.read()
  if (current.data !== own.data) own.data.set(current.data)
  return own
}
