/** @file The passes of resampling in WebAssembly, on memory of their own. */
import { kernel } from './generated/resample.ts'
import type { Pixels } from './pixels.ts'
import type { Lines, Passes } from './resample-loops.ts'
import type { Coefficients } from './resample-weights.ts'

/** Undefined: the picture does not fit into `room`. */
export type KernelPasses = Passes<Pixels | undefined>

/** Bytes that a pass may take: the memory never shrinks again. */
const ROOM = 16 * 2 ** 20
const PAGE = 2 ** 16
/** Vectors reach this far behind the end of a picture. */
const VECTOR = 16

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  across(from: number, rowBytes: number, lines: number, ...rest: number[]): void
  down(from: number, rowBytes: number, ...rest: number[]): void
}

/** The names of WebAssembly that are used here. Node has them; its types do not. */
interface Names {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Exports }
}

let made: KernelPasses | undefined
let isTried = false

/** Undefined where there is no WebAssembly with vectors. */
export function resampleKernel(): KernelPasses | undefined {
  if (!isTried) made = createKernel()
  isTried = true
  return made
}

/** A kernel with memory of its own. */
export function createKernel(room = ROOM): KernelPasses | undefined {
  try {
    const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: Names }).WebAssembly
    const { exports } = new Instance(new Module(Buffer.from(kernel, 'base64')))
    return { across: (...given) => across({ exports, room }, ...given), down: (...given) => down({ exports, room }, ...given) }
  } catch {
    return undefined
  }
}

interface Kernel {
  readonly exports: Exports
  readonly room: number
}

/** Lines by bands, so that a large photo needs no large memory. */
function across({ exports, room }: Kernel, { data, width }: Pixels, given: Coefficients, { first, last }: Lines): Pixels | undefined {
  const columns = given.starts.length
  const [row, outRow] = [width * 3, columns * 3]
  const fixed = bytesOf(given)
  const band = Math.min(last - first, Math.floor((room - fixed - 2 * VECTOR) / (row + outRow)))
  if (band < 1) return undefined
  const out = new Uint8Array((last - first) * outRow)
  const { bytes, tables } = placed(exports, given, band * (row + outRow) + 2 * VECTOR)
  const to = fixed + band * row + VECTOR
  for (let y = first; y < last; y += band) {
    const lines = Math.min(band, last - y)
    bytes.set(data.subarray(y * row, (y + lines) * row), fixed)
    exports.across(fixed, row, lines, ...tables, given.stride, columns, to)
    out.set(bytes.subarray(to, to + lines * outRow), (y - first) * outRow)
  }
  return { data: out, width: columns, height: last - first }
}

function down({ exports, room }: Kernel, { data, width }: Pixels, given: Coefficients, first: number): Pixels | undefined {
  const lines = given.starts.length
  const row = width * 3
  const fixed = bytesOf(given)
  const size = data.length + lines * row + 2 * VECTOR
  if (fixed + size > room) return undefined
  const { bytes, tables } = placed(exports, given, size)
  bytes.set(data, fixed)
  const to = fixed + data.length + VECTOR
  // The pass looks for line 0 where line 0 of the whole picture would lie.
  exports.down(fixed - first * row, row, ...tables, given.stride, lines, to)
  return { data: bytes.slice(to, to + lines * row), width, height: lines }
}

const bytesOf = ({ starts, counts, weights }: Coefficients): number => starts.byteLength + counts.byteLength + weights.byteLength

/** Writes the tables at the beginning of the memory and makes room for so many bytes behind them. */
function placed({ memory }: Exports, given: Coefficients, size: number): { bytes: Uint8Array; tables: number[] } {
  const lacking = bytesOf(given) + size - memory.buffer.byteLength
  if (lacking > 0) memory.grow(Math.ceil(lacking / PAGE))
  let at = 0
  const tables = [given.starts, given.counts, given.weights].map((table) => {
    new Int32Array(memory.buffer, at, table.length).set(table)
    at += table.byteLength
    return at - table.byteLength
  })
  return { bytes: new Uint8Array(memory.buffer), tables }
}
