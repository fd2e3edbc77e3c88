/** @file Where weights begin. Formulas as in Keras; the numbers depend on the seed and on the weight's path alone. */
import { random, sizeOf, type Random, type Shape } from '../tensor/index.ts'
import { unknownName } from '../errors.ts'

interface Fans {
  readonly fanIn: number
  readonly fanOut: number
}
type Fill = (values: Float32Array, rng: Random, fans: Fans) => void

const uniform =
  (limit: (fans: Fans) => number): Fill =>
  (values, rng, fans) =>
    rng.fill(values, limit(fans))

const normal =
  (draw: (rng: Random, fans: Fans) => number): Fill =>
  (values, rng, fans) => {
    for (let i = 0; i < values.length; i++) values[i] = draw(rng, fans)
  }

/** Rows: name → how all numbers of a weight are drawn. Truncated normals are drawn again outside two deviations, as in Keras. */
const rows = {
  zeros: () => undefined,
  ones: (values) => void values.fill(1),
  // U(−a, a), a = √(6 / (fanIn + fanOut))
  glorotUniform: uniform(({ fanIn, fanOut }) => Math.sqrt(6 / (fanIn + fanOut))),
  // truncated N(0, σ), σ = √(2 / (fanIn + fanOut)) / 0.8796…: the deviation after truncation is the wanted one
  glorotNormal: normal((rng, { fanIn, fanOut }) => truncated(rng, Math.sqrt(2 / (fanIn + fanOut)) / 0.87962566103423978)),
  heUniform: uniform(({ fanIn }) => Math.sqrt(6 / fanIn)),
  heNormal: normal((rng, { fanIn }) => truncated(rng, Math.sqrt(2 / fanIn) / 0.87962566103423978)),
  lecunUniform: uniform(({ fanIn }) => Math.sqrt(3 / fanIn)),
  lecunNormal: normal((rng, { fanIn }) => truncated(rng, Math.sqrt(1 / fanIn) / 0.87962566103423978)),
  randomUniform: uniform(() => 0.05),
  randomNormal: normal((rng) => rng.normal() * 0.05),
  truncatedNormal: normal((rng) => truncated(rng, 0.05)),
} satisfies Record<string, Fill>

export type InitializerName = keyof typeof rows

let sessionSeed = 0

/** Sets the seed of all weights made from now on. Default 0: the same program starts from the same weights. */
export function setRandomSeed(seed: number): void {
  sessionSeed = seed >>> 0
}

/** Checks an initializer's name and remembers the seed in force now; the numbers are drawn when they are first needed. */
export function initializer(name: string, path: string, shape: Shape): () => Float32Array {
  if (!Object.hasOwn(rows, name)) throw unknownName('initializer', name, Object.keys(rows))
  const fill: Fill = rows[name as InitializerName]
  const seed = sessionSeed
  return () => {
    const values = new Float32Array(sizeOf(shape))
    fill(values, random(`${seed}/${path}`), fansOf(shape))
    return values
  }
}

/** Keras's rule: the window's size times the channels of either side. */
function fansOf(shape: Shape): Fans {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 }
  const window = sizeOf(shape.slice(0, -2))
  return { fanIn: window * (shape.at(-2) ?? 1), fanOut: window * (shape.at(-1) ?? 1) }
}

function truncated(rng: Random, deviation: number): number {
  for (;;) {
    const draw = rng.normal()
    if (Math.abs(draw) <= 2) return draw * deviation
  }
}
