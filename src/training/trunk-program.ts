/** @file The frozen part as a program: one session, or several side by side where many photos are waiting. */
import { engine, engineThreads } from '../engine/index.ts'
import type { Graph, Value } from '../graph/index.ts'
import { compileInference, isLargeNetwork, type Inference } from './inference.ts'

/** A program that is compiled when it is first asked for. */
export interface TrunkProgram {
  /** Runs that may go on side by side as it is. */
  lanes(): number
  get(): Promise<Inference>
  /** Gets ready for that many photos, and tells how many runs may go on side by side. */
  widen(photos: number): Promise<number>
  dispose(): Promise<void>
}

/** Each lane holds a network and what it computes: four took 640 MB for MobileNet, two 490. On more cores a lane has several threads. */
const MOST_LANES = 2

/** Opening lanes takes as long as they gain with some 200 photos of InceptionV3. */
const FEW_PHOTOS = 256

/** Compiles in the form that runs fastest. */
export function trunkProgram(graph: Graph | undefined): TrunkProgram {
  const most = graph ? lanesFor(graph) : 1
  let compiled: { readonly lanes: number; readonly inference: Promise<Inference> } | undefined
  const start = (count: number): Promise<Inference> => {
    // Always in blocks, where the network suits them: lanes must give the bits of a single session.
    // In one piece the values of a pass take 45 MB more for InceptionV3, and no less time.
    const inference = compileInference(withComputedOutputs(graph!), { lanes: count, planned: false, blocks: true })
    compiled = { lanes: count, inference }
    return inference
  }
  const dispose = async (): Promise<void> => {
    const old = compiled
    compiled = undefined
    await (await old?.inference)?.program.dispose()
  }
  const lanes = (): number => compiled?.lanes ?? 1
  return {
    lanes,
    get: () => compiled?.inference ?? start(1),
    async widen(photos) {
      if (photos < FEW_PHOTOS || lanes() === most) return lanes()
      await dispose()
      // A machine that grants no threads computes all the same.
      await start(most).catch(() => start(1))
      return lanes()
    },
    dispose,
  }
}

function lanesFor(graph: Graph): number {
  if (engine().name !== 'cpu') return 1
  // Smaller weights, those of the six networks in 8 bits and of MobileNet, may be held once per lane.
  return isLargeNetwork(graph) ? 1 : Math.min(MOST_LANES, engineThreads())
}

/** The photo itself may lie on the boundary too (a skip connection from the input); it needs no computing. */
function withComputedOutputs(graph: Graph): Graph {
  const given = new Set<Value>(graph.inputs)
  return { ...graph, outputs: graph.outputs.filter((value) => !given.has(value)) }
}
