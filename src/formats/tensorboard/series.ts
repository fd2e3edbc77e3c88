/** @file What an event file says about each tag: its plugin and its values, step by step. */
import type { Event, Summary_Value, TensorProto } from './generated/event_pb.ts'

/** The values of one tag. */
export interface Series {
  /** `scalars`, `histograms`, `images`, `graph_keras_model`, …; empty where the file does not say. */
  readonly plugin: string
  /** Steps, in the order of the file. */
  readonly steps: number[]
  /** One value for each step. */
  readonly values: Summary_Value[]
}

/** Values by tag, in the order of the file. */
export function seriesByTag(events: readonly Event[]): Map<string, Series> {
  const found = new Map<string, Series>()
  for (const { step, what } of events) {
    if (what.case !== 'summary') continue
    for (const value of what.value.value) {
      const known = found.get(value.tag) ?? { plugin: value.metadata?.pluginData?.pluginName ?? '', steps: [], values: [] }
      found.set(value.tag, known)
      known.steps.push(Number(step))
      known.values.push(value)
    }
  }
  return found
}

/** The numbers of a value: those of its tensor, or its simple value. Empty for text and pictures. */
export function numbersOf({ value }: Summary_Value): number[] {
  if (value.case === 'simpleValue') return [value.value]
  return value.case === 'tensor' ? numbersOfTensor(value.value) : []
}

function numbersOfTensor({ dtype, tensorContent, floatVal, doubleVal }: TensorProto): number[] {
  if (tensorContent.length === 0) return floatVal.length > 0 ? floatVal : doubleVal
  const isDouble = (dtype as number) === 2
  const view = new DataView(tensorContent.buffer, tensorContent.byteOffset, tensorContent.byteLength)
  const width = isDouble ? 8 : 4
  return Array.from({ length: Math.floor(tensorContent.length / width) }, (_, i) =>
    isDouble ? view.getFloat64(i * width, true) : view.getFloat32(i * width, true),
  )
}
