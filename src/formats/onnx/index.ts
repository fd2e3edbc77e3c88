/** @file Public face of formats/onnx/: models as ONNX files that any runtime opens. */
export { checkFileSize, exportOnnx, onnxBytes, onnxGraph } from './export-onnx.ts'
export {
  digestOf,
  followedBy,
  metadataBytes,
  mostOnnxBytes,
  onnxPieces,
  readOnnxGraph,
  withMetadata,
  writeOnnx,
  type OnnxContent,
} from '../../onnx/index.ts'
export type { ExportOnnxOptions } from './export-onnx.ts'
