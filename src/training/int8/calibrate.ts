/** @file Runs a network over photos and remembers the range and the channel means of the values that become 8 bits. */
import { engine } from '../../engine/index.ts'
import { quantize, type Graph, type Range, type Value } from '../../graph/index.ts'
import type { Tensor } from '../../tensor/index.ts'
import { createHistogram, type Histogram, type RangeMethod } from './histogram.ts'

/** What was seen. */
export interface Calibration {
  range(value: Value, method: RangeMethod): Range
  means(value: Value): Float32Array | undefined
}

/** One photo at a time, since all values between are outputs: memory holds them for one photo only. */
export async function calibrate(graph: Graph, photos: readonly Tensor<'float32'>[], onPhoto?: () => void): Promise<Calibration> {
  const [input] = graph.inputs
  const wanted = valuesToRound(graph)
  const seen = new Map<Value, Seen>(wanted.map((value) => [value, { histogram: createHistogram(), sums: new Float64Array(0), count: 0 }]))
  const program = await engine().compile({ ...graph, outputs: wanted.filter((value) => value !== input) })
  try {
    for (const photo of photos) {
      const results = await program.run(new Map([[input!, photo]]))
      onPhoto?.()
      for (const value of wanted) remember(seen.get(value)!, value === input ? photo : (results.get(value) as Tensor<'float32'>))
    }
  } finally {
    await program.dispose()
  }
  const meansOf = ({ sums, count }: Seen): Float32Array => Float32Array.from(sums, (sum) => sum / count)
  const means = new Map([...seen].map(([value, found]) => [value, meansOf(found)]))
  return {
    range: (value, method) => seen.get(value)?.histogram.range(method) ?? { min: 0, max: 0 },
    means: (value) => means.get(value),
  }
}

/** The values whose ranges `quantize` asks for. */
function valuesToRound(graph: Graph): Value[] {
  const asked = new Set<Value>()
  quantize(graph, { range: (value) => (asked.add(value), { min: 0, max: 1 }) })
  return [...asked]
}

interface Seen {
  readonly histogram: Histogram
  sums: Float64Array
  count: number
}

/** One pass over the numbers gives their ends and sums; a few of them show how they are spread. */
function remember(seen: Seen, { data, shape }: Tensor<'float32'>): void {
  const [n = 1, channels = 1] = shape
  const area = data.length / n / channels
  if (seen.sums.length === 0) seen.sums = new Float64Array(channels)
  let [min, max] = [Infinity, -Infinity]
  for (let plane = 0; plane < n * channels; plane++) {
    let sum = 0
    const end = (plane + 1) * area
    for (let i = plane * area; i < end; i++) {
      const value = data[i]!
      sum += value
      if (value < min) min = value
      if (value > max) max = value
    }
    seen.sums[plane % channels]! += sum / area
  }
  seen.count += n
  seen.histogram.add(data, { min, max })
}
