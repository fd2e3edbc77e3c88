/** @file Public face of formats/safetensors/: weights in and out of files that cannot hold code. */
export { openSafetensors } from './read.ts'
export type { SafetensorsFile } from './read.ts'
export { readTensors, writeTensors } from './tensors.ts'
export type { NamedTensor, TensorFile } from './tensors.ts'
export { writeSafetensors } from './write.ts'
