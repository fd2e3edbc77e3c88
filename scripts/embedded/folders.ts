/** @file Where the material of the shipped network lies, and what the preparation leaves in the work folder. */
import { join } from 'node:path'

/** Pictures that the network may be trained on, and the teacher; the folders of the evaluation are not among them. */
export const material = join(import.meta.dirname, '..', '..', '..', 'shared', 'data')

export const materialFiles = {
  /** 200 classes, 100,000 training and 10,000 validation pictures of 32×32. */
  small: join(material, 'pretrain', 'imagenet200-32px.tar.gz'),
  /** One photo of each of 1,000 classes. */
  thousand: join(material, 'pretrain', 'imagenet1000-160px'),
  flowers: join(material, 'photos', 'flowers-128px'),
  teacher: join(material, 'weights', 'mobilenet_0.25_224', 'mobilenet_v1_0.25_224.h5'),
  teacherBody: join(material, 'weights', 'mobilenet_0.25_224', 'mobilenet_2_5_224_tf_no_top.h5'),
} as const

/** Folders of the evaluation: no picture of theirs may be trained on. */
export const evaluationFolders = {
  'cats-dogs': join(material, 'photos', 'cats-dogs'),
  flowers: join(material, 'photos', 'flowers'),
} as const

/** A source of pictures: all have the same size, so that one array holds them. */
export interface SourceRow {
  readonly name: 'small' | 'thousand' | 'flowers' | 'held' | 'heldPhotos'
  /** Height and width in pixels. */
  readonly side: number
  /** Crops of each picture that the teacher describes. */
  readonly crops: number
  /** The teacher's input: small pictures are blurred less at a smaller size. */
  readonly teacherSize: number
  /** Least share of the picture's area in a crop. */
  readonly leastArea: number
}

/** `held` and `heldPhotos` are never trained on: the loss on them chooses settings. */
export const sources: readonly SourceRow[] = [
  { name: 'held', side: 32, crops: 1, teacherSize: 128, leastArea: 0.6 },
  { name: 'heldPhotos', side: 160, crops: 8, teacherSize: 224, leastArea: 0.25 },
  { name: 'small', side: 32, crops: 1, teacherSize: 128, leastArea: 0.6 },
  { name: 'thousand', side: 160, crops: 50, teacherSize: 224, leastArea: 0.25 },
  { name: 'flowers', side: 128, crops: 10, teacherSize: 224, leastArea: 0.4 },
]

/** Names of the files of one source in the work folder. */
export function filesOf(work: string, name: SourceRow['name']): { pixels: string; labels: string; features: string } {
  return {
    pixels: join(work, `${name}.pixels.u8`),
    labels: join(work, `${name}.labels.i16`),
    features: join(work, `${name}.features.f32`),
  }
}
