/** @file The passes of resampling in WebAssembly. */
import { bytesOfArea, imageKernel, type Kernel } from './kernel.ts'
import type { Pixels } from './pixels.ts'
import type { Lines, Passes } from './resample-loops.ts'
import type { Coefficients } from './resample-weights.ts'

/** The passes by a kernel; they give undefined for a picture that does not fit into its memory. */
export function kernelPasses(kernel: Kernel | undefined = imageKernel()): Passes<Pixels | undefined> | undefined {
  return kernel && { across: (...given) => across(kernel, ...given), down: (...given) => down(kernel, ...given) }
}

/** Lines by bands, so that a large photo needs no large memory. */
function across(kernel: Kernel, { data, width }: Pixels, given: Coefficients, { first, last }: Lines): Pixels | undefined {
  const columns = given.starts.length
  const [row, outRow] = [width * 3, columns * 3]
  const tables = [given.starts, given.counts, given.weights]
  const taken = tables.reduce((sum, { byteLength }) => sum + bytesOfArea(byteLength), 4 * bytesOfArea(0))
  const band = Math.min(last - first, Math.floor((kernel.room - taken) / (row + outRow)))
  const areas = band > 0 ? kernel.areas(...tables.map(({ byteLength }) => byteLength), band * row, band * outRow) : undefined
  if (!areas) return undefined
  const out = new Uint8Array((last - first) * outRow)
  const [from = 0, to = 0] = areas.starts.slice(tables.length)
  const at = placed(areas, tables)
  for (let y = first; y < last; y += band) {
    const lines = Math.min(band, last - y)
    areas.bytes.set(data.subarray(y * row, (y + lines) * row), from)
    kernel.across(from, row, lines, ...at, given.stride, columns, to)
    out.set(areas.bytes.subarray(to, to + lines * outRow), (y - first) * outRow)
  }
  return { data: out, width: columns, height: last - first }
}

function down(kernel: Kernel, { data, width }: Pixels, given: Coefficients, first: number): Pixels | undefined {
  const lines = given.starts.length
  const row = width * 3
  const tables = [given.starts, given.counts, given.weights]
  const areas = kernel.areas(...tables.map(({ byteLength }) => byteLength), data.length, lines * row)
  if (!areas) return undefined
  const [from = 0, to = 0] = areas.starts.slice(tables.length)
  areas.bytes.set(data, from)
  // The pass looks for line 0 where line 0 of the whole picture would lie.
  kernel.down(from - first * row, row, ...placed(areas, tables), given.stride, lines, to)
  return { data: areas.bytes.slice(to, to + lines * row), width, height: lines }
}

/** Writes the tables into the first areas; returns where these begin. */
function placed({ bytes, starts }: NonNullable<ReturnType<Kernel['areas']>>, tables: readonly Int32Array[]): number[] {
  tables.forEach((table, i) => new Int32Array(bytes.buffer, starts[i], table.length).set(table))
  return starts.slice(0, tables.length)
}
