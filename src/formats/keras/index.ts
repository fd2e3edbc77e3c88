/** @file Public face of formats/keras/: reading HDF5 safely, Keras's weight files, matching them to a network, writing them. */
export { H5File, openHdf5, withHdf5 } from './hdf5.ts'
export type { H5Dataset, H5Group } from './h5-walk.ts'
export type { H5Value } from './h5-attribute.ts'
export { parseJson, writeJson } from './json.ts'
export { assignWeights, expectedLayers, loadWeightsFile } from './load-weights.ts'
export type { LoadWeightsOptions } from './load-weights.ts'
export { describeRow, matchWeights, requireMatch } from './match-weights.ts'
export type {
  Assignment,
  ExpectedLayer,
  ExpectedWeight,
  LayerPlace,
  MatchOptions,
  PairOptions,
  WeightMatch,
  WeightRow,
} from './match-weights.ts'
export { layersOf, openWeightFile } from './weight-file.ts'
export type { FileLayer, FileWeight, WeightFile, WeightFileKind } from './weight-file.ts'
export { LEGACY_RESNET50_HASHES, isLegacyResNet50, resNet50Name, snakeCase } from './weight-names.ts'
export { writeWeightsH5, writtenKerasVersion } from './write-weights.ts'
export type { SavedLayer, SavedState, SavedWeight, WriteExtras } from './write-weights.ts'
export { savedLayers } from './saved-layers.ts'
export { readModelConfig, requireModelConfig } from './config/read-config.ts'
export type { ReadModel } from './config/read-config.ts'
export { writeModelConfig } from './config/write-config.ts'
export type { ConfigForm } from './config/write-config.ts'
export { brief, isList, isObject, objectAt, textAt } from './config/json-value.ts'
export type { JsonObject } from './config/json-value.ts'
export { camelCase } from './config/fields.ts'
export { readKerasArchive } from './archive.ts'
export type { KerasArchive } from './archive.ts'
export type { WriteProgress } from './h5-writer.ts'
export { writeKerasArchive } from './write-archive.ts'
export type { ArchiveContent } from './write-archive.ts'
