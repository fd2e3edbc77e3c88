/** @file Calls the layers of a configuration on each other, in whatever order the file lists them. */
import type { SymbolicTensor } from '../../../layers/index.ts'
import { brief, isList, isObject, objectAt, textAt } from './json-value.ts'
import type { MadeLayer } from './make-layer.ts'
import { operatorHint } from './reader.ts'
import type { Reader } from './reader.ts'

/** One call in a file: the tensors that go in, by layer and number of the call. */
interface Node {
  readonly sources: readonly Source[]
  readonly training: boolean | undefined
}

interface Source {
  readonly layer: string
  readonly node: number
  /** Keras 2 counts the calls of a nested model from 1. */
  readonly isLegacy: boolean
}

/** Makes every call of the file. Throws FORMAT for loops and for tensors that do not exist. */
export function callNodes(reader: Reader, made: ReadonlyMap<string, MadeLayer>): void {
  const waiting = new Map(
    [...made].map(([name, { nodes }]) => [name, nodes.filter((node) => !isEmpty(node)).map((node) => readNode(reader, node, name))]),
  )
  const total = [...waiting.values()].reduce((sum, nodes) => sum + nodes.length, 0)
  reader.countRuns([...made].flatMap(([name, { layer }]) => waiting.get(name)?.map(() => layer) ?? []))
  const shift = legacyShift(waiting, made)
  for (let left = total; left > 0;) {
    const before = left
    for (const [name, nodes] of waiting) {
      for (let node = nodes[0]; node; node = nodes[0]) {
        const inputs = node.sources.map((source) =>
          tensorOf(reader, made, { ...source, node: source.node - (source.isLegacy ? (shift.get(source.layer) ?? 0) : 0) }),
        )
        if (!inputs.every((tensor) => tensor !== undefined)) break
        call(reader, made.get(name), { inputs, training: node.training })
        nodes.shift()
        left--
      }
    }
    if (left === before)
      throw reader.refuse(`its layers are connected in a loop, or to a call that does not exist, at ${brief(stuck(waiting))}`)
  }
}

const listHint = 'Make the model with lists in Keras and save it again: Model([a, b], [c, d])'

/** The tensors that `input_layers` and `output_layers` name: one, or a list of them. */
export function outerTensors(reader: Reader, made: ReadonlyMap<string, MadeLayer>, value: unknown): SymbolicTensor[] {
  if (isObject(value)) {
    const found = `its inputs or outputs have names (${brief(Object.keys(value))}), expected one tensor or a list of them`
    throw reader.refuse(found, listHint)
  }
  const list = isList(value) && typeof value[0] !== 'string' ? value : [value]
  if (list.some((entry) => isList(entry) && entry.some(isList))) {
    const found = `its inputs or outputs are lists in lists (${brief(value)}), expected one tensor or a list of them`
    throw reader.refuse(found, listHint)
  }
  return list.map((entry) => {
    const [layer, node, index] = isList(entry) ? entry : []
    if (typeof layer !== 'string' || typeof node !== 'number') throw reader.refuse(`${brief(value)} names no tensors of the model`)
    const found = made.get(layer)
    // Keras 3 does not count a node of its own for sequential models.
    const hasOwnNode = found?.isModel === true && !(found.layer.className === 'Sequential' && found.layer.calls[node])
    const shift = hasOwnNode && node > 0 ? 1 : 0
    if (isLater(index)) throw refuseLaterOutput(reader, layer)
    const tensor = index === 0 ? tensorOf(reader, made, { layer, node: node - shift }) : undefined
    if (!tensor) throw reader.refuse(`an input or output of the model does not exist: ${brief(entry)}`)
    return tensor
  })
}

function isEmpty(node: unknown): boolean {
  return isList(node) && node.length === 0
}

function readNode(reader: Reader, node: unknown, name: string): Node {
  const isModern = isObject(node)
  const args = isModern ? node['args'] : undefined
  const entries = isModern ? (isList(args) && isList(args[0]) ? args[0] : isList(args) ? args : []) : isList(node) ? node : []
  const sources = entries.map((entry) => (isModern ? modernSource(entry) : legacySource(entry)))
  const [, other] = isModern && isList(args) ? args : []
  if (other !== undefined) {
    const second = modernSource(other) === undefined ? brief(other) : 'another one, not on a list of them'
    const found = `the layer ${brief(name)} is called on a tensor and ${second}, as Python's operators are (x * 2, x + y), expected a layer's call`
    throw reader.refuse(found, operatorHint)
  }
  const later = entries.map(historyOf).find((history) => typeof history?.[0] === 'string' && isLater(history[2]))
  if (later) throw refuseLaterOutput(reader, later[0])
  const isKnown = (source: Source | undefined): source is Source => source !== undefined
  if (sources.length === 0 || !sources.every(isKnown)) {
    throw reader.refuse(`the layer ${brief(name)} is called on ${brief(isModern ? args : node)}, expected tensors of the model`)
  }
  const options = isModern ? [node['kwargs']] : entries.map((entry) => (isList(entry) ? entry[3] : undefined))
  return { sources, training: trainingOf(reader, options, name) }
}

function modernSource(entry: unknown): Source | undefined {
  return isList(entry) ? undefined : legacySource(historyOf(entry), false)
}

/** [layer, node, number of the output] in the form of either version. */
function historyOf(entry: unknown): readonly unknown[] | undefined {
  if (isList(entry)) return entry
  const history = textAt(entry, 'class_name') === '__keras_tensor__' ? objectAt(entry, 'config')?.['keras_history'] : undefined
  return isList(history) ? history : undefined
}

function isLater(output: unknown): boolean {
  return typeof output === 'number' && output > 0
}

function refuseLaterOutput(reader: Reader, layer: unknown): Error {
  const found = `a layer is connected to a second output of ${brief(layer)}, expected models within to have one output`
  return reader.refuse(
    found,
    'Build the network in code, where the tensors of the inner model can be used themselves, and call loadWeights',
  )
}

function legacySource(entry: unknown, isLegacy = true): Source | undefined {
  if (!isList(entry)) return undefined
  const [layer, node, index] = entry
  return typeof layer === 'string' && typeof node === 'number' && index === 0 ? { layer, node, isLegacy } : undefined
}

/** The mode that a call fixes. Other arguments of calls are refused. */
function trainingOf(reader: Reader, options: readonly unknown[], name: string): boolean | undefined {
  const set = options.flatMap((entry) => (isObject(entry) ? Object.entries(entry) : [])).filter(([, value]) => !isNothing(value))
  const other = set.find(([key, value]) => key !== 'training' || typeof value !== 'boolean')
  if (other) throw reader.refuse(`the layer ${brief(name)} is called with ${other[0]} = ${brief(other[1])}, which Rootstock does not know`)
  return set[0] === undefined ? undefined : set[0][1] === true
}

/** A model with several inputs is called with a mask for each of them: [null, null]. */
function isNothing(value: unknown): boolean {
  return value === null || (isList(value) && value.length > 0 && value.every((part) => part === null))
}

/** In the lists of Keras 2, a nested model's own node comes first; whether a file counts it shows in the greatest number that it uses. */
function legacyShift(waiting: ReadonlyMap<string, readonly Node[]>, made: ReadonlyMap<string, MadeLayer>): ReadonlyMap<string, number> {
  const greatest = new Map<string, number>()
  for (const { layer, node } of [...waiting.values()].flat().flatMap(({ sources }) => sources)) {
    greatest.set(layer, Math.max(node, greatest.get(layer) ?? 0))
  }
  const counted = [...greatest].filter(([name, most]) => made.get(name)?.isModel === true && most >= (waiting.get(name)?.length ?? 0))
  return new Map(counted.map(([name]) => [name, 1]))
}

/** The tensor of a call, or undefined where the call has not been made yet. */
function tensorOf(
  reader: Reader,
  made: ReadonlyMap<string, MadeLayer>,
  { layer, node }: { layer: string; node: number },
): SymbolicTensor | undefined {
  const found = made.get(layer)
  if (!found) throw reader.refuse(`a layer is connected to ${brief(layer)}, which does not exist`)
  if (found.tensor) return node === 0 ? found.tensor : undefined
  return found.layer.calls[node]?.output
}

function call(
  reader: Reader,
  made: MadeLayer | undefined,
  { inputs, training }: { inputs: readonly SymbolicTensor[]; training: boolean | undefined },
): void {
  if (!made) return
  if (made.tensor) throw reader.refuse(`the input ${brief(made.layer.name)} is connected to other layers`)
  made.check?.(inputs.map(({ shape }) => shape))
  reader.building(made.layer.name, () => made.layer.on(inputs, training === undefined ? {} : { training }))
}

function stuck(waiting: ReadonlyMap<string, readonly Node[]>): string | undefined {
  return [...waiting].find(([, nodes]) => nodes.length > 0)?.[0]
}
