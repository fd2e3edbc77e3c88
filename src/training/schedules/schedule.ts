/** @file A learning rate that depends on the step. */

/** A pure function from the step (0 before the first update) to the learning rate; round to float32 where it is used. */
export interface Schedule<Config extends object = object> {
  /** Keras's class name where Keras has such a schedule. */
  readonly name: string
  /** The rate of a step, counted from 0. */
  at(step: number): number
  /** Everything that made it, defaults included. */
  readonly config: Readonly<Config>
}
