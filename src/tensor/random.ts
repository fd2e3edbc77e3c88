/** @file Seeded random numbers whose whole state is one 32-bit counter, so that a run can be stopped and resumed exactly. */

/** A stream of random numbers. `state` may be stored and given back to `random` to go on at the same place. */
export interface Random {
  /** A double in [0, 1). */
  uniform(): number
  /** A draw from the normal distribution with mean 0 and deviation 1 (Box and Muller). */
  normal(): number
  /** A whole number in 0 … below − 1. */
  integer(below: number): number
  /** Fills `values` with (2·uniform − 1)·limit, as many draws of `uniform` would. */
  fill(values: Float32Array, limit: number): void
  /** Shuffles in place (Fisher and Yates) and returns the array. */
  shuffle<T>(values: T[]): T[]
  /** The counter; equal counters of equal seeds give equal futures. */
  readonly state: number
}

/** A stream for `seed`, optionally continued at a stored `state`. */
export function random(seed: number | string, state = 0): Random {
  const key = typeof seed === 'string' ? fnv1a(seed) : mix(seed >>> 0)
  let counter = state >>> 0
  const uniform = (): number => {
    counter = (counter + 1) >>> 0
    return uniformAt(counter, key)
  }
  const integer = (below: number): number => Math.floor(uniform() * below)
  return {
    uniform,
    integer,
    fill(values, limit) {
      // In a variable of its own, which the processor keeps in a register.
      let at = counter
      for (let i = 0; i < values.length; i++) {
        at = (at + 1) >>> 0
        values[i] = (2 * uniformAt(at, key) - 1) * limit
      }
      counter = at
    },
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle<T>(values: T[]): T[] {
      for (let i = values.length - 1; i > 0; i--) {
        const j = integer(i + 1)
        const held = values[i] as T
        values[i] = values[j] as T
        values[j] = held
      }
      return values
    },
    get state() {
      return counter
    },
  }
}

/** A double in [0, 1) of 53 random bits. */
function uniformAt(counter: number, key: number): number {
  const high = mix(Math.imul(counter, 0x9e3779b1) ^ key)
  const low = mix(high + counter + 0x7f4a7c15)
  return (high * 2097152 + (low >>> 11)) / 9007199254740992
}

/** FNV-1a, 32 bits, over UTF-8. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}

/** The 32-bit finaliser of murmur3: every input bit changes every output bit with probability one half. */
export function mix(value: number): number {
  let x = value >>> 0
  x ^= x >>> 16
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  x ^= x >>> 16
  return x >>> 0
}
