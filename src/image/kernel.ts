/** @file The loops of `kernels/image.ts` as WebAssembly, and the memory that they work on. */
import { kernel } from './generated/kernel.ts'

/** Bytes that one call may take: the memory never shrinks again. */
const ROOM = 16 * 2 ** 20
const PAGE = 2 ** 16
/** Vectors reach this far behind the end of what they read or write. */
const VECTOR = 16

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  readonly across: (from: number, rowBytes: number, lines: number, ...rest: number[]) => void
  readonly down: (from: number, rowBytes: number, ...rest: number[]) => void
  readonly pick: (from: number, rowBytes: number, ...rest: number[]) => void
  readonly affine: (from: number, end: number, to: number, ...rest: number[]) => void
}

/** The names of WebAssembly that are used here. Node has them; its types do not. */
interface Names {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Exports }
}

/** Loops, and memory of their own. */
export interface Kernel extends Pick<Exports, 'across' | 'down' | 'pick' | 'affine'> {
  /** Most bytes that areas may have together. */
  readonly room: number
  /** Areas of so many bytes, one after the other; undefined where they do not fit. Valid until the next call. */
  areas(...sizes: number[]): { readonly bytes: Uint8Array; readonly starts: number[] } | undefined
}

let made: Kernel | undefined
let isTried = false

/** Undefined where there is no WebAssembly with vectors. */
export function imageKernel(): Kernel | undefined {
  if (!isTried) made = createKernel()
  isTried = true
  return made
}

/** A kernel with memory of its own. */
export function createKernel(room = ROOM): Kernel | undefined {
  try {
    const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: Names }).WebAssembly
    const { exports } = new Instance(new Module(Buffer.from(kernel, 'base64')))
    const { across, down, pick, affine } = exports
    return { room, across, down, pick, affine, areas: (...sizes) => areasIn(exports, room, sizes) }
  } catch {
    return undefined
  }
}

/** Bytes that an area takes, with what vectors may read and write behind it. */
export const bytesOfArea = (size: number): number => VECTOR * Math.ceil(size / VECTOR) + VECTOR

function areasIn({ memory }: Exports, room: number, sizes: readonly number[]): ReturnType<Kernel['areas']> {
  const starts: number[] = []
  let total = 0
  for (const size of sizes) {
    starts.push(total)
    total += bytesOfArea(size)
  }
  if (total > room) return undefined
  return isGrown(memory, total) ? { bytes: new Uint8Array(memory.buffer), starts } : undefined
}

/** False where the system has no more memory to give: the plain loops may still find what little they need. */
function isGrown(memory: Exports['memory'], size: number): boolean {
  const lacking = size - memory.buffer.byteLength
  try {
    if (lacking > 0) memory.grow(Math.ceil(lacking / PAGE))
    return true
  } catch {
    return false
  }
}
