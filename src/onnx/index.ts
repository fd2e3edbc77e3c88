export { writeOnnx, opset, type OnnxModel, type ExternalData, type WriteOptions } from './write.ts'
