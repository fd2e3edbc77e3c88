/** @file Public face of onnx/: a graph as ONNX bytes, and back. */
export {
  metadataBytes,
  mostOnnxBytes,
  onnxPieces,
  withMetadata,
  writeOnnx,
  opset,
  type OnnxModel,
  type ExternalData,
  type WriteOptions,
} from './write.ts'
export { readOnnx, type OnnxDescription, type OnnxValue } from './read.ts'
export { digestOf, readOnnxGraph, type OnnxContent, type ReadBytes } from './read-graph.ts'
export { followedBy, joined, type Pieces } from './pieces.ts'
