/** @file README.md of a run: what the classifier is, what it learned from, how good it is, where its limits lie, and how to use it. */
import { shellPath } from '../../files/index.ts'
import { visible } from '../../report/index.ts'
import type { Evaluation, TrainReport } from '../options.ts'
import { version } from '../version.ts'
import { commandLine } from './config-yaml.ts'
import { percentText, shareText } from './interval.ts'

/** What a model card tells. */
export interface ModelCard {
  readonly run: string
  readonly folder: string
  readonly created: string
  readonly report: Omit<TrainReport, 'test'>
  readonly settings: Readonly<Record<string, unknown>>
  readonly reading: { readonly size: number; readonly preprocessing: string; readonly interpolation: string; readonly exif: string }
  readonly splitHash: string | undefined
  /** Photos of each class, by part. */
  readonly counts: { readonly [P in 'train' | 'validation' | 'test']: readonly number[] }
  /** Of the test photos or, without any, of the validation photos; undefined where nothing was measured. */
  readonly measured: { readonly part: 'test' | 'validation'; readonly evaluation: Evaluation } | undefined
  readonly notes: readonly string[]
  /** Name and meaning of the files of the folder. */
  readonly files: readonly (readonly [name: string, meaning: string])[]
}

/** The whole file, in Markdown; class names and paths are shown as they are, and cannot become markup. */
export function modelCard(card: ModelCard): string {
  const { report, created } = card
  const sections = [
    `# ${md(shortened(report.classes))}`,
    `A classifier of photos, trained by Rootstock ${version} on ${created.slice(0, 10)}: ${md(report.network)} with a new head for ${report.classes.length} classes.`,
    ...performance(card),
    ...data(card),
    ...recipe(card),
    ...use(card),
    ...limits(card),
    '## Files',
    table(
      ['file', 'what it is'],
      card.files.map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
  ]
  return `${sections.join('\n\n')}\n`
}

/** Text that Markdown shows as it is. */
export function md(text: string): string {
  return visible(text).replace(/[\\`*_[\]<>|~&#$]/g, '\\$&')
}

/** What the best epoch was chosen by. */
export function bestText({ valLoss, valAccuracy }: TrainReport['best']): string {
  if (valLoss === null || valAccuracy === null) return 'by its training loss: no photos were held out for validation'
  return `validation loss ${valLoss.toFixed(4)}, accuracy ${percentText(valAccuracy)}`
}

function performance({ measured, report }: ModelCard): string[] {
  const { best } = report
  const epoch = `The best of ${report.epochs} epochs is number ${best.epoch} (${bestText(best)}); its weights are kept.`
  if (!measured) return ['## How good it is', `${epoch} It was not measured on photos held out.`]
  const { part, evaluation } = measured
  const { images, accuracy, loss, perClass, confusion } = evaluation
  const right = Math.round(accuracy * images)
  const named = perClass.map((_, i) => confusion.reduce((sum, row) => sum + (row[i] ?? 0), 0))
  const rows = perClass.map(({ label, images: count, f1 }, i) => {
    const hits = confusion[i]?.[i] ?? 0
    return [md(label), String(count), shareText(hits, named[i] ?? 0), shareText(hits, count), percentText(f1)]
  })
  const chosen = part === 'validation' ? ' These photos also chose the best epoch, so the figures are a little too good.' : ''
  return [
    '## How good it is',
    `Accuracy on ${images} ${part} photos: **${shareText(right, images)}**, loss ${loss.toFixed(4)}. ${epoch}${chosen}`,
    table(['class', 'photos', 'precision', 'recall', 'F1'], rows),
    'In brackets: the 95 % interval (Wilson). Precision: of the photos that were named so, how many were. Recall: of the photos of the class, how many were named so.',
  ]
}

function data({ folder, report, counts, splitHash, notes }: ModelCard): string[] {
  const rows = report.classes.map((name, i) => [
    md(name),
    ...(['train', 'validation', 'test'] as const).map((part) => String(counts[part][i] ?? 0)),
  ])
  const { images, unusable } = report
  const lines = [
    `Photos of \`${code(folder)}\`: ${images.train} for training, ${images.validation} for validation, ${images.test} for the test.`,
    ...(splitHash === undefined ? [] : [`Hash of the split: \`${splitHash}\` (SHA-256 over part, class and content of every photo).`]),
    ...(unusable.length > 0 ? [`${unusable.length} pictures could not be used; run.json and report.html list them.`] : []),
  ]
  const told = notes.length > 0 ? [notes.map((note) => `- ${md(note)}`).join('\n')] : []
  return ['## Data', lines.join(' '), table(['class', 'train', 'validation', 'test'], rows), ...told]
}

function recipe({ folder, report, reading, settings }: ModelCard): string[] {
  const { size, preprocessing, interpolation, exif } = reading
  const rows = Object.entries(settings).flatMap(([name, value]) => {
    const shown = typeof value === 'object' && value !== null && 'description' in value ? value.description : value
    if (shown === undefined || typeof shown === 'function' || typeof shown === 'symbol') return []
    return [[name, md(typeof shown === 'string' ? shown : JSON.stringify(shown))]]
  })
  return [
    '## How it was trained',
    `Photos are resized to ${size} × ${size} pixels (${interpolation}), turned as the camera says (${exif}), and prepared as "${preprocessing}". Training took ${report.seconds.total.toFixed(1)} s.`,
    table(['setting', 'value'], rows),
    `The same again:\n\n\`\`\`sh\n${code(commandLine(folder, settings))}\n\`\`\``,
  ]
}

function use({ run }: ModelCard): string[] {
  return [
    '## How to use it',
    `\`\`\`sh\nrootstock predict ${code(shellPath(run))} photo.jpg\nrootstock evaluate ${code(shellPath(run))} more-photos\n\`\`\``,
    [
      '```ts',
      "import { loadClassifier } from 'rootstock'",
      '',
      `const classifier = await loadClassifier(${code(JSON.stringify(run))})`,
      "const [best] = await classifier.predict('photo.jpg')   // { label, probability }",
      '```',
    ].join('\n'),
  ]
}

function limits({ report, measured }: ModelCard): string[] {
  const few = measured && measured.evaluation.images < 100
  const rare = report.classes.filter((_, i) => (measured?.evaluation.perClass[i]?.images ?? 0) < 20)
  const lines = [
    `It knows ${report.classes.length} classes and nothing else: a photo of anything else is given one of these names too.`,
    'It was measured on photos of the same collection. Photos from other cameras, places or times may be harder.',
    'The probabilities were not calibrated; read them as an order, not as chances.',
    ...(few ? ['It was measured on few photos: mind the intervals.'] : []),
    ...(measured && rare.length > 0 ? [`Measured on fewer than 20 photos: ${md(shortened(rare))}.`] : []),
  ]
  return ['## Limits', lines.map((line) => `- ${line}`).join('\n')]
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Inside a code block or span nothing is markup but the fence itself. */
function code(text: string): string {
  return visible(text).replaceAll('`', "'")
}

function shortened(classes: readonly string[]): string {
  return classes.length <= 8 ? classes.join(', ') : `${classes.slice(0, 7).join(', ')} and ${classes.length - 7} more`
}
