/** @file The names of WebAssembly that are used here. Node has them; its types do not. */

/** Memory of fixed size that loops work on. */
export interface LoopMemory {
  /** The bytes; the same object for as long as the memory lives. */
  readonly buffer: ArrayBuffer
}

interface Names {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => LoopMemory
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (module: object, imports: { readonly env: { readonly memory: LoopMemory } }) => { readonly exports: Exports }
}

interface Exports {
  readonly run: (...parameters: number[]) => void
}

/** As the language has it. */
export const { Memory, Module, Instance } = (globalThis as unknown as { readonly WebAssembly: Names }).WebAssembly
