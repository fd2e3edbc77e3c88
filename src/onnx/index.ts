/** @file Public face of onnx/: a graph as ONNX bytes, and back. */
export { mostOnnxBytes, withMetadata, writeOnnx, opset, type OnnxModel, type ExternalData, type WriteOptions } from './write.ts'
export { readOnnx, type OnnxDescription, type OnnxValue } from './read.ts'
export { readOnnxGraph, type OnnxContent } from './read-graph.ts'
