/** @file The least value of a smooth convex function: L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5). */

/** A value and its gradient. */
export interface Slope {
  readonly value: number
  readonly gradient: Float64Array
}

/** When the search ends. */
export interface MinimizeOptions {
  /** Largest entry of the gradient at the end; default 1e-4. */
  readonly tolerance?: number
  /** Default 300. */
  readonly mostSteps?: number
}

/** Steps that are remembered to guess the curvature from. */
const MEMORY = 10
/** Share of the promised descent that a step must keep (Armijo). */
const DESCENT = 1e-4
/** The function is computed in float32: differences below this share of its value are noise. */
const NOISE = 1e-6

interface Move {
  readonly step: Float64Array
  readonly change: Float64Array
  readonly product: number
}

/** Where the gradient vanishes, beginning at `start`; as near to it as the numbers of `evaluate` allow. */
export async function minimize(
  evaluate: (at: Float64Array) => Promise<Slope>,
  start: Float64Array,
  { tolerance = 1e-4, mostSteps = 300 }: MinimizeOptions = {},
): Promise<Float64Array> {
  let at = start
  let here = await evaluate(at)
  const moves: Move[] = []
  for (let n = 0; n < mostSteps && largest(here.gradient) > tolerance; n++) {
    const next = await search(evaluate, { at, here, direction: directionOf(here.gradient, moves) })
    if (!next) return at
    const [step, change] = [difference(next.at, at), difference(next.here.gradient, here.gradient)]
    const product = dot(step, change)
    // Rounding may bend the function the wrong way; such a move would spoil the guess.
    if (product > 1e-12 * dot(change, change)) moves.push({ step, change, product })
    if (moves.length > MEMORY) moves.shift()
    at = next.at
    here = next.here
  }
  return at
}

interface Search {
  readonly at: Float64Array
  readonly here: Slope
  readonly direction: Float64Array
}

/** Halves the step until the value falls enough; undefined where it does not fall any more. */
async function search(
  evaluate: (at: Float64Array) => Promise<Slope>,
  { at, here, direction }: Search,
): Promise<{ at: Float64Array; here: Slope } | undefined> {
  const slope = dot(direction, here.gradient)
  for (let length = 1; length > 1e-6; length /= 2) {
    const there = add(at.slice(), direction, length)
    const found = await evaluate(there)
    if (found.value <= here.value + DESCENT * length * slope + NOISE * Math.abs(here.value)) {
      // Within the noise only the gradient tells whether this is better.
      if (found.value >= here.value && largest(found.gradient) >= largest(here.gradient)) return undefined
      return { at: there, here: found }
    }
  }
  return undefined
}

/** −H·g, H the inverse curvature that the last moves tell. */
function directionOf(gradient: Float64Array, moves: readonly Move[]): Float64Array {
  const direction = scaled(gradient.slice(), -1)
  const last = moves.at(-1)
  // The first step has no curvature to go by: it is as long as 1 at most.
  if (!last) return scaled(direction, 1 / Math.max(1, Math.sqrt(dot(gradient, gradient))))
  const shares: number[] = []
  for (const { step, change, product } of moves.toReversed()) {
    const share = dot(step, direction) / product
    shares.push(share)
    add(direction, change, -share)
  }
  scaled(direction, last.product / dot(last.change, last.change))
  for (const { step, change, product } of moves) add(direction, step, (shares.pop() ?? 0) - dot(change, direction) / product)
  return direction
}

// Loops, as a function called for each of a hundred thousand numbers costs more than all products on the engine.

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function add(to: Float64Array, what: Float64Array, times: number): Float64Array {
  for (let i = 0; i < to.length; i++) to[i]! += times * what[i]!
  return to
}

function scaled(values: Float64Array, by: number): Float64Array {
  for (let i = 0; i < values.length; i++) values[i]! *= by
  return values
}

const difference = (a: Float64Array, b: Float64Array): Float64Array => add(a.slice(), b, -1)

function largest(values: Float64Array): number {
  let most = 0
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!))
  return most
}
