/** @file What an optimizer remembers beyond a compilation: Keras keeps steps, moments and a changed rate with the object that users hold. */
import type { Compiled } from './compile.ts'
import type { Optimizer } from './optimizers/index.ts'

type Memory = Pick<Compiled, 'slots' | 'learningRate' | 'iterations'>

interface Former {
  readonly compiled: Compiled
  /** Of all weights that the optimizer had moved before, those that rest in this compilation among them. */
  readonly before: Compiled['slots']
}

/** The compilation that an optimizer was last used in. */
const formers = new WeakMap<Optimizer, Former>()

/** Puts the optimizer where it was left, or at its beginning where a weight trains that it does not know. */
export function takeMemory(compiled: Compiled): void {
  const { optimizer, trainable } = compiled
  const former = formers.get(optimizer)
  const known: Compiled['slots'] = new Map(former && [...former.before, ...former.compiled.slots])
  const slots: Compiled['slots'] = new Map(trainable.flatMap((variable) => (known.has(variable) ? [[variable, known.get(variable)!]] : [])))
  const goesOn = former !== undefined && slots.size === trainable.length
  const memory: Memory = goesOn
    ? { slots, learningRate: former.compiled.learningRate, iterations: former.compiled.iterations }
    : { slots: new Map(), learningRate: undefined, iterations: 0 }
  Object.assign(compiled, memory)
  if (!goesOn) known.clear()
  formers.set(optimizer, { compiled, before: known })
}
