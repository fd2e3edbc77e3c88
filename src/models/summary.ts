/** @file The table that Keras prints: a row for each layer, then how many parameters there are and what they occupy. */
import { RootstockError, refuseUnknown } from '../errors.ts'
import type { Layer, LayerCall, SymbolicTensor, Variable } from '../layers/index.ts'
import type { Functional } from './functional.ts'
import { roundHalfEven, textTable, type Column } from './text-table.ts'

/** Options of `summary`. */
export interface SummaryOptions {
  /** Width in characters, at least 40. Default 88, or 108 with connections; 12 more with `showTrainable`. */
  readonly lineLength?: number
  /** Adds a column that says whether each layer is trainable. Default false. */
  readonly showTrainable?: boolean
  /** Lists the layers of nested models too. Default false. */
  readonly expandNested?: boolean
  /** Numbers that the optimizer keeps; adds a line. Default none. */
  readonly optimizerParams?: number
}

/** A column: its title and how far from the left, as a part of the line, it ends. */
interface Form {
  readonly title: string
  readonly justify: Column['justify']
  readonly end: number
}

const chainForm: readonly Form[] = [
  { title: 'Layer (type)', justify: 'left', end: 0.45 },
  { title: 'Output Shape', justify: 'left', end: 0.8 },
  { title: 'Param #', justify: 'right', end: 1 },
]
const graphForm: readonly Form[] = [
  { title: 'Layer (type)', justify: 'left', end: 0.3 },
  { title: 'Output Shape', justify: 'left', end: 0.56 },
  { title: 'Param #', justify: 'right', end: 0.74 },
  { title: 'Connected to', justify: 'left', end: 1 },
]
const trainableForm: Form = { title: 'Trainable', justify: 'center', end: 1 }

const leastLength = 40
const bytesPerParam = 4

/** Keras's summary, without a line break at the end. Throws USAGE for a line length below 40. */
export function summary(model: Functional, options: SummaryOptions): string {
  refuseUnknown('summary', options, { lineLength: true, showTrainable: true, expandNested: true, optimizerParams: true })
  const { showTrainable = false, expandNested = false } = options
  const isChain = isChainOfLayers(model)
  const lineLength = options.lineLength ?? (isChain ? 88 : 108) + (showTrainable ? 12 : 0)
  if (!Number.isInteger(lineLength) || lineLength < leastLength) {
    throw new RootstockError('USAGE', `Invalid lineLength: found ${lineLength}, expected a whole number of at least ${leastLength}`)
  }
  const form = isChain ? chainForm : graphForm
  const columns = showTrainable ? [...form.map((column) => ({ ...column, end: column.end * 0.9 })), trainableForm] : form
  const connected = isChain ? undefined : { calls: new Set(model.path), standIns: model.standIns }
  const rows = layerRows(model, { connected, showTrainable, expandNested })
  return [`Model: "${model.name}"`, ...textTable(measured(columns, lineLength), rows, lineLength), ...totals(model, options)].join('\n')
}

function measured(columns: readonly Form[], lineLength: number): Column[] {
  const ends = columns.map(({ end }) => Math.trunc(end * lineLength))
  return columns.map(({ title, justify }, i) => ({ title, justify, width: (ends[i] ?? 0) - (ends[i - 1] ?? 0) }))
}

/** Whether every call takes the output of the one before and nothing else. */
function isChainOfLayers({ path, inputs }: Functional): boolean {
  const isNext = (call: LayerCall, i: number): boolean => (i === 0 ? call.inputs.length <= 1 : call.inputs[0] === path[i - 1]?.output)
  const isChain = inputs.length === 1 && path.every((call, i) => call.inputs.length <= 1 && isNext(call, i))
  return isChain && new Set(path.map(({ layer }) => layer)).size === path.length
}

interface Connected {
  readonly calls: ReadonlySet<LayerCall>
  readonly standIns: Functional['standIns']
}

interface RowRules {
  /** The calls that count as connections; undefined leaves the column out. */
  readonly connected: Connected | undefined
  readonly showTrainable: boolean
  readonly expandNested: boolean
}

function layerRows(model: Functional, rules: RowRules, depth = 0): string[][] {
  // Keras does not count the input among the layers of a sequential model.
  const listed = model.layers.filter((layer) => model.className !== 'Sequential' || layer.className !== 'InputLayer')
  return listed.flatMap((layer) => {
    const row = layerRow(layer, rules, depth === 0 ? '' : `${'   '.repeat(depth)}└ `)
    return rules.expandNested && isModel(layer) ? [row, ...layerRows(layer, rules, depth + 1)] : [row]
  })
}

function layerRow(layer: Layer, { connected, showTrainable }: RowRules, prefix: string): string[] {
  const shape = layer.calls.at(-1)?.output.shape ?? (isModel(layer) ? layer.output.shape : undefined)
  const trainable = layer.weights.length === 0 ? '-' : layer.trainable ? 'Y' : 'N'
  return [
    `${prefix}${layer.name} (${layer.className})`,
    shape ? `(${shape.map((size) => size ?? 'None').join(', ')})` : '?',
    grouped(layer.countParams()),
    ...(connected ? [connections(layer, connected)] : []),
    ...(showTrainable ? [trainable] : []),
  ]
}

/** "conv2d[0][0]": the layer that a tensor comes from, which of its calls, and which output of that call. */
function connections(layer: Layer, { calls, standIns }: Connected): string {
  const sources = layer.calls.filter((call) => calls.has(call)).flatMap(({ inputs }) => inputs)
  const place = (tensor: SymbolicTensor): string => {
    const { layer, output } = standIns.get(tensor)?.calls[0] ?? tensor.call
    return `${layer.name}[${layer.calls.indexOf(output.call)}][0]`
  }
  return sources.map(place).join(', ') || '-'
}

/** Not `instanceof`: the class itself needs this file. */
function isModel(layer: Layer): layer is Functional {
  return 'layers' in layer
}

function totals(model: Functional, { optimizerParams }: SummaryOptions): string[] {
  const trainable = countOf(model.trainableWeights)
  const fixed = countOf(model.weights) - trainable
  // The optimizer's counter of steps is an int64.
  const extra = optimizerParams === undefined ? 0 : bytesPerParam
  const line = (what: string, count: number, bytes = 0): string =>
    ` ${what}: ${grouped(count)} (${readableSize(count * bytesPerParam + bytes)})`
  return [
    line('Total params', trainable + fixed + (optimizerParams ?? 0), extra),
    line('Trainable params', trainable),
    line('Non-trainable params', fixed),
    ...(optimizerParams === undefined ? [] : [line('Optimizer params', optimizerParams, extra)]),
  ]
}

function countOf(weights: readonly Variable[]): number {
  return weights.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

/** 1024 bytes are a KB here, as in Keras. */
function readableSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']
  let size = bytes
  let unit = 0
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024
  return `${(roundHalfEven(size * 100) / 100).toFixed(2)} ${units[unit]}`
}
