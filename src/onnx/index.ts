/** @file Public face of onnx/: a graph as ONNX bytes. */
export { writeOnnx, opset, type OnnxModel, type ExternalData, type WriteOptions } from './write.ts'
export { readOnnx, type OnnxDescription, type OnnxValue } from './read.ts'
