/** @file Public face of formats/tfjs/: reading models of TensorFlow.js Layers. */
export { readTfjsModel } from './read.ts'
export type { TfjsModel } from './read.ts'
