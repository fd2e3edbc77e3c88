/** @file A weight: its numbers lie in the graph's layout, and pass the door in Keras's. */
import { requireTensor, RootstockError } from '../errors.ts'
import { eachPart, partsIn, type PartReader } from '../graph/index.ts'
import { passing, reshape, sameShape, showShape, sizeOf, transpose, type Shape, type Tensor } from '../tensor/index.ts'
import type { Layer } from './layer.ts'

/**
 * How Keras's shape becomes the graph's: conv kernels H·W·I·O → O·I·H·W, depthwise kernels H·W·C·M → (C·M)·1·H·W,
 * all others as they are.
 */
export type Layout = 'plain' | 'conv' | 'depthwise'

/** A weight that a kind of layer asks for. */
export interface VariableSpec {
  /** In its layer: "kernel". */
  readonly name: string
  /** Keras's shape. */
  readonly shape: Shape
  /** How it lies in the graph; default 'plain', as in Keras. */
  readonly layout?: Layout
  /** What its first numbers are drawn from. */
  readonly initializer: string
  /** False for moving statistics, which no optimizer touches. */
  readonly trainable?: boolean
}

/** Fills `into` with the numbers of a weight in the graph's layout, from the place `from` on. */
export type ReadNumbers = (into: Float32Array, from: number) => void

/** A weight of a layer. */
export class Variable {
  /** Keras's path: layer name, slash, weight name. */
  readonly path: string
  /** In its layer: "kernel". */
  readonly name: string
  /** Keras's shape. */
  readonly shape: Shape
  /** The layer that it belongs to. */
  readonly layer: Layer
  /** Whether an optimizer may move it while its layer is trainable. */
  readonly canTrain: boolean
  readonly #layout: Layout
  #value: Tensor<'float32'> | undefined
  #initial: (() => Float32Array) | undefined
  #resting: ReadNumbers | undefined
  #version = 0

  /** A weight of a layer; its first numbers are made when they are first asked for. */
  constructor(layer: Layer, spec: VariableSpec, initial: () => Float32Array) {
    this.layer = layer
    this.name = spec.name
    this.path = `${layer.name}/${spec.name}`
    this.shape = spec.shape
    this.canTrain = spec.trainable !== false
    this.#layout = spec.layout ?? 'plain'
    this.#initial = initial
  }

  /** Whether training moves this weight now. */
  get trainable(): boolean {
    return this.canTrain && this.layer.trainable
  }

  /** Counts the changes; equal versions mean equal numbers. */
  get version(): number {
    return this.#version
  }

  /** A copy of the numbers, in Keras's layout. */
  read(): Promise<Tensor<'float32'>> {
    return Promise.resolve(this.value())
  }

  /** As `read`, without waiting. */
  value(): Tensor<'float32'> {
    const { data } = this.graphValue()
    const own = this.#layout === 'plain' ? data.slice() : data
    return this.toKerasLayout({ data: own, shape: this.graphShape, dtype: 'float32' })
  }

  /** The numbers themselves in an order of their own, quicker than `value`: to be looked at, not kept. */
  numbers(): ArrayLike<number> {
    return this.graphValue().data
  }

  /** Replaces the numbers; they are copied. A plain array must have as many numbers as the weight, in Keras's layout. */
  assign(values: Tensor | Float32Array | readonly number[]): void {
    const isNumbers = ArrayBuffer.isView(values) || Array.isArray(values)
    if (!isNumbers) requireTensor(values, `Cannot assign to ${this.path}`)
    const given = 'shape' in values ? values : { data: values, shape: this.shape }
    if (!sameShape(given.shape, this.shape) || given.data.length !== sizeOf(this.shape)) {
      const found = 'shape' in values ? `shape ${showShape(given.shape)}` : `${given.data.length} numbers`
      throw new RootstockError('SHAPE', `Cannot assign to ${this.path}: found ${found}, expected shape ${showShape(this.shape)}`)
    }
    this.take({ data: Float32Array.from(given.data as ArrayLike<number>), shape: this.shape, dtype: 'float32' })
  }

  /** As `assign`, without a copy: for numbers of the right shape that nobody else holds. With `room` they are put there. */
  take(values: Tensor<'float32'>, room?: Float32Array): void {
    const value = this.toGraphLayout(values, room)
    // Numbers that lie elsewhere stay there when the same ones come.
    if (!this.#resting || !this.#has(value.data)) this.setGraphValue(value)
  }

  #has(numbers: Float32Array): boolean {
    const bits = (part: Float32Array): Buffer => Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    let [at, isSame] = [0, true]
    eachPart(this.parts(), numbers.length, (part) => {
      isSame &&= bits(part).equals(bits(numbers.subarray(at, (at += part.length))))
    })
    return isSame
  }

  /** The shape in the graph's layout. */
  get graphShape(): Shape {
    return graphShape(this.#layout, this.shape)
  }

  /** The numbers themselves, in the graph's layout, not copied. The same object until they are replaced. */
  graphValue(): Tensor<'float32'> {
    if (this.#value) return this.#value
    const value = this.passingValue()
    if (!this.#resting || this.trainable) this.#keep(value)
    return value
  }

  /** Whether the numbers lie elsewhere. */
  get isResting(): boolean {
    return this.#resting !== undefined
  }

  /**
   * Lets go of the numbers, which are the same wherever `read` reads them from. From then on each reader gets a copy of its own, as long as nobody trains
   * the weight: then it holds its numbers again.
   */
  rest(read: ReadNumbers): void {
    this.#value = undefined
    this.#initial = undefined
    this.#resting = read
  }

  /** The numbers, in the graph's layout, piece by piece. */
  parts(): PartReader {
    const read = this.#value ? undefined : this.#resting
    if (!read) return partsIn(this.graphValue().data)
    return (from, room) => {
      read(room, from)
      return room
    }
  }

  /** Moves the numbers out of memory that they share with others, which can be freed then. */
  moveOut(): void {
    const value = this.#value
    if (value && value.data.byteLength < value.data.buffer.byteLength) this.#value = { ...value, data: value.data.slice() }
  }

  /** The numbers, in the graph's layout, without holding them from now on where they can be made again. */
  passingValue(): Tensor<'float32'> {
    if (this.#value) return this.#value
    if (this.#resting) return this.#woken(this.#resting)
    return this.toGraphLayout({ data: this.#first(), shape: this.shape, dtype: 'float32' })
  }

  #woken(read: ReadNumbers): Tensor<'float32'> {
    const data = new Float32Array(sizeOf(this.shape))
    passing(data.byteLength)
    read(data, 0)
    return { data, shape: this.graphShape, dtype: 'float32' }
  }

  #keep(value: Tensor<'float32'>): void {
    this.#value = value
    this.#initial = undefined
    this.#resting = undefined
  }

  #first(): Float32Array {
    try {
      return this.#initial?.() ?? new Float32Array(sizeOf(this.shape))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      const found = `Cannot make ${this.path}: found shape ${showShape(this.shape)}, expected one that fits into memory`
      throw new RootstockError('SHAPE', found, { hint: 'Give its layer fewer units or a smaller input', cause: error })
    }
  }

  /** Takes over a tensor in the graph's layout, without a copy. Also says that its numbers changed, when it is the present one. */
  setGraphValue(value: Tensor<'float32'>): void {
    this.#keep(value)
    this.#version++
  }

  /** Numbers that belong to this weight (an optimizer's memory of it, say) from Keras's layout in the graph's; in `room`, where that is given. */
  toGraphLayout(value: Tensor<'float32'>, room?: Float32Array): Tensor<'float32'> {
    if (this.#layout === 'conv') return transpose(value, [3, 2, 0, 1], room)
    if (this.#layout === 'depthwise') return reshape(transpose(value, [2, 3, 0, 1], room), this.graphShape)
    if (!room) return value
    room.set(value.data)
    return { ...value, data: room }
  }

  /** The same from the graph's layout in Keras's. */
  toKerasLayout(value: Tensor<'float32'>): Tensor<'float32'> {
    if (this.#layout === 'conv') return transpose(value, [2, 3, 1, 0])
    if (this.#layout !== 'depthwise') return value
    const [h = 0, w = 0, c = 0, m = 0] = this.shape
    return transpose(reshape(value, [c, m, h, w]), [2, 3, 0, 1])
  }
}

function graphShape(layout: Layout, shape: Shape): Shape {
  const [h = 0, w = 0, i = 0, o = 0] = shape
  if (layout === 'conv') return [o, i, h, w]
  if (layout === 'depthwise') return [i * o, 1, h, w]
  return shape
}
