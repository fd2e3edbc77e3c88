/** @file What is wrong with a training's input, as far as only the recipe knows it: whole splits, and what the base was trained on. */
import type { Split } from '../data/index.ts'
import { sanityWarnings, type Model, type SanityId, type SanityOption, type TrainingEvent } from '../training/index.ts'

/** What is looked at before the network is trained. */
export interface TrainingInput {
  readonly base: Model
  readonly net: Model
  readonly split: Split
  readonly sanity?: SanityOption | undefined
}

/** Warns of photos prepared for another network, of copies in two classes, and of test photos that are trained with. */
export function warnOfInput({ base, net, split, sanity = true }: TrainingInput, emit: (event: TrainingEvent) => void): void {
  if (sanity === false) return
  const ignored: readonly SanityId[] = sanity === true ? [] : sanity.ignore
  const own = base.preprocessing
  const pixels = own === undefined ? undefined : { model: base.name, own, used: net.preprocessing ?? 'none' }
  for (const warning of sanityWarnings({ pixels, twins: twinsIn(split), seen: seenIn(split) }))
    if (!ignored.some((id) => id === warning.id)) emit(warning)
}

/** Passes every event on, but each warning of a sanity check once. */
export function onceEach(emit: (event: TrainingEvent) => void): (event: TrainingEvent) => void {
  const told = new Set<string>()
  return (event) => {
    // Every pass over photos tries the store.
    const finding = event.type !== 'warning' ? undefined : event.by === 'featureStore' ? event.by : event.id
    if (finding !== undefined) {
      if (told.has(finding)) return
      told.add(finding)
    }
    emit(event)
  }
}

/** Copies, to the byte or to the eye, whose classes differ. */
function twinsIn(split: Split): Parameters<typeof sanityWarnings>[0]['twins'] {
  const { copies, classNames } = split
  const labels = labelsByPath(split)
  const mixed = copies.filter(({ photos }) => new Set(photos.map(({ path }) => labels.get(path))).size > 1)
  const photos = mixed[0]?.photos ?? []
  const [first] = photos
  const other = photos.find(({ path }) => labels.get(path) !== labels.get(first?.path ?? ''))
  if (!first || !other) return undefined
  const name = (path: string): string => classNames[labels.get(path) ?? -1] ?? ''
  const count = mixed.reduce((sum, copy) => sum + copy.photos.length - 1, 0)
  return { count, first: [first.path, other.path], classes: [name(first.path), name(other.path)] }
}

/** Test photos, and else validation photos, of which training has a copy. */
function seenIn({ copies }: Split): Parameters<typeof sanityWarnings>[0]['seen'] {
  for (const part of ['test', 'validation'] as const) {
    const found = copies.flatMap(({ photos }) => {
      const trained = photos.find((photo) => photo.part === 'train')
      return trained ? photos.filter((photo) => photo.part === part).map(({ path }) => [trained.path, path] as const) : []
    })
    if (found[0]) return { count: found.length, first: found[0], part }
  }
  return undefined
}

/** The class of every photo that there is more than once. */
function labelsByPath({ copies, train, validation, test }: Split): ReadonlyMap<string, number> {
  const labels = new Map<string, number>()
  if (copies.length === 0) return labels
  for (const part of [train, validation, test])
    for (let index = 0; index < part.size; index++) labels.set(part.describe(index), part.labels[index] ?? -1)
  return labels
}
