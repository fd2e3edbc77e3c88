/** @file The few forms of a WebAssembly module that a loop needs, as bytes. https://webassembly.github.io/spec/core/binary */

/** Types of parameters and locals. */
export const types = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const

const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)])
/** Of a number from 0: one more bit says that it is not negative. */
const signed = (value: number): number[] => (value < 64 ? [value] : [(value & 127) | 128, ...signed(value >>> 7)])
const list = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()]
const text = (value: string): number[] => list(Array.from(new TextEncoder().encode(value), (byte) => [byte]))
const section = (id: number, items: readonly (readonly number[])[]): number[] => {
  const content = list(items)
  return [id, ...unsigned(content.length), ...content]
}
const simd = (code: number): number[] => [0xfd, ...unsigned(code)]

/** Instructions. */
export const code = {
  get: (local: number): number[] => [0x20, ...unsigned(local)],
  set: (local: number): number[] => [0x21, ...unsigned(local)],
  /** Moves a pointer on. */
  advance: (local: number, by: number): number[] => [...code.get(local), 0x41, ...signed(by), 0x6a, ...code.set(local)],
  /** Repeats `body` while one pointer lies before another. */
  repeat: (body: readonly number[], pointer: number, end: number): number[] => [
    0x03,
    0x40,
    ...body,
    ...code.get(pointer),
    ...code.get(end),
    ...[0x49, 0x0d, 0],
    0x0b,
  ],
  load: (offset: number): number[] => [...simd(0x00), 4, ...unsigned(offset)],
  store: (offset: number): number[] => [...simd(0x0b), 4, ...unsigned(offset)],
  splat: simd(0x13),
  /** The same float four times. */
  constant: (value: number): number[] => [...simd(0x0c), ...new Uint8Array(new Float32Array(4).fill(value).buffer)],
  and: simd(0x4e),
  or: simd(0x50),
  notEqual: simd(0x42),
  less: simd(0x43),
  greater: simd(0x44),
  abs: simd(0xe0),
  neg: simd(0xe1),
  sqrt: simd(0xe3),
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  div: simd(0xe7),
  min: simd(0xe8),
  max: simd(0xe9),
} as const

/** A module with one function "run" over an imported memory "env" "memory". Locals are vectors of four floats. */
export function moduleOf(parameters: readonly number[], locals: number, body: readonly number[]): Uint8Array<ArrayBuffer> {
  const own = [...list([[...unsigned(locals), types.v128]]), ...body, 0x0b]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...list(parameters.map((type) => [type])), 0]]),
    ...section(2, [[...text('env'), ...text('memory'), 2, 0, 0]]),
    ...section(3, [[0]]),
    ...section(7, [[...text('run'), 0, 0]]),
    ...section(10, [[...unsigned(own.length), ...own]]),
  ])
}
