/** @file Where weights begin. Formulas as in Keras; the numbers depend on the seed and on the weight's path alone. */
import { random, sizeOf, type Random, type Shape } from '../tensor/index.ts'
import { unknownName } from '../errors.ts'

interface Fans {
  readonly fanIn: number
  readonly fanOut: number
}
type Draw = (rng: Random, fans: Fans) => number

/** Rows: name → one draw. Truncated normals are drawn again outside two deviations, as in Keras. */
const rows = {
  zeros: () => 0,
  ones: () => 1,
  // U(−a, a), a = √(6 / (fanIn + fanOut))
  glorotUniform: (rng, { fanIn, fanOut }) => uniform(rng, Math.sqrt(6 / (fanIn + fanOut))),
  // truncated N(0, σ), σ = √(2 / (fanIn + fanOut)) / 0.8796…: the deviation after truncation is the wanted one
  glorotNormal: (rng, { fanIn, fanOut }) => truncated(rng, Math.sqrt(2 / (fanIn + fanOut)) / 0.87962566103423978),
  heUniform: (rng, { fanIn }) => uniform(rng, Math.sqrt(6 / fanIn)),
  heNormal: (rng, { fanIn }) => truncated(rng, Math.sqrt(2 / fanIn) / 0.87962566103423978),
  lecunUniform: (rng, { fanIn }) => uniform(rng, Math.sqrt(3 / fanIn)),
  lecunNormal: (rng, { fanIn }) => truncated(rng, Math.sqrt(1 / fanIn) / 0.87962566103423978),
  randomUniform: (rng) => uniform(rng, 0.05),
  randomNormal: (rng) => rng.normal() * 0.05,
  truncatedNormal: (rng) => truncated(rng, 0.05),
} satisfies Record<string, Draw>

export type InitializerName = keyof typeof rows

let sessionSeed = 0

/** Sets the seed of all weights made from now on. Default 0: the same program starts from the same weights. */
export function setRandomSeed(seed: number): void {
  sessionSeed = seed >>> 0
}

/** Checks an initializer's name and remembers the seed in force now; the numbers are drawn when they are first needed. */
export function initializer(name: string, path: string, shape: Shape): () => Float32Array {
  if (!Object.hasOwn(rows, name)) throw unknownName('initializer', name, Object.keys(rows))
  const draw: Draw = rows[name as InitializerName]
  const seed = sessionSeed
  return () => {
    const values = new Float32Array(sizeOf(shape))
    if (name === 'zeros') return values
    const rng = random(`${seed}/${path}`)
    const fans = fansOf(shape)
    for (let i = 0; i < values.length; i++) values[i] = draw(rng, fans)
    return values
  }
}

/** Keras's rule: the window's size times the channels of either side. */
function fansOf(shape: Shape): Fans {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 }
  const window = sizeOf(shape.slice(0, -2))
  return { fanIn: window * (shape.at(-2) ?? 1), fanOut: window * (shape.at(-1) ?? 1) }
}

function uniform(rng: Random, limit: number): number {
  return (2 * rng.uniform() - 1) * limit
}

function truncated(rng: Random, deviation: number): number {
  for (;;) {
    const draw = rng.normal()
    if (Math.abs(draw) <= 2) return draw * deviation
  }
}
