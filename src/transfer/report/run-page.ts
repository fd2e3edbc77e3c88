/** @file report.html: the run in one page. */
import { basename } from 'node:path'
import { confusionMatrix, htmlReport, plotTraining, type ReportFigure, type ReportMistake, type ReportTable } from '../../report/index.ts'
import type { FinishedRun, MeasuredPart } from '../run-report.ts'
import { percentText, shareText } from './interval.ts'
import { bestText } from './model-card.ts'
import { shownMistakes, thumbnailOf } from './sheets.ts'
import { mistakesOf } from './tally.ts'

/** Unusable pictures that the page lists; run.json has all. */
const listedPictures = 200

/** The page as HTML. */
export async function runPage(finished: FinishedRun, measured: MeasuredPart | undefined): Promise<string> {
  const { run, split, history, log } = finished
  const mistakes = measured ? await mistakesWith(finished, measured) : []
  const wrong = measured ? mistakesOf(measured.answers).length : 0
  const figures: ReportFigure[] = [{ title: 'Training', svg: plotTraining(history).svg }]
  if (measured) {
    const matrix = confusionMatrix(measured.evaluation.confusion, split.classNames, { subject: `${measured.part} photos` })
    figures.push({ title: 'Which classes are taken for which', svg: matrix.svg })
  }
  return htmlReport({
    title: `Run ${basename(run)}`,
    facts: factsOf(finished, measured),
    figures,
    mistakes: { title: `The most confident mistakes: ${mistakes.length} of ${wrong}`, shown: mistakes },
    tables: [...(measured ? [classTable(measured)] : []), photoTable(finished), ...unusableTable(finished), settingsTable(finished)],
    notes: [...new Set([...split.notes, ...log.notes])],
  })
}

function factsOf({ report, folder, reading }: FinishedRun, measured: MeasuredPart | undefined): [string, string][] {
  const { network, classes, images, epochs, best, seconds } = report
  const facts: [string, string][] = []
  if (measured) {
    const { accuracy, images: count, loss } = measured.evaluation
    facts.push([`Accuracy, ${measured.part} photos`, `${shareText(Math.round(accuracy * count), count)}, loss ${loss.toFixed(4)}`])
  }
  return [
    ...facts,
    ['Best epoch', `${best.epoch} of ${epochs}, ${bestText(best)}`],
    ['Network', `${network}, ${reading.size} × ${reading.size} pixels, prepared as "${reading.preprocessing}"`],
    ['Classes', classes.length <= 12 ? classes.join(', ') : `${classes.slice(0, 11).join(', ')} and ${classes.length - 11} more`],
    ['Photos', `${images.train} for training, ${images.validation} for validation, ${images.test} for the test, of ${folder}`],
    ['Time', `${seconds.total.toFixed(1)} s in all, features ${seconds.features.toFixed(1)} s, training ${seconds.fit.toFixed(1)} s`],
  ]
}

async function mistakesWith({ split, reading }: FinishedRun, { part, answers }: MeasuredPart): Promise<ReportMistake[]> {
  const dataset = split[part]
  const name = (label: number): string => split.classNames[label] ?? ''
  const shown: ReportMistake[] = []
  for (const { index, label, predicted, probability } of mistakesOf(answers).slice(0, shownMistakes)) {
    const thumbnail = await thumbnailOf({ dataset, reading }, index)
    const answer = `${name(predicted)} ${percentText(probability)}`
    if (thumbnail !== undefined) shown.push({ thumbnail, answer, truth: name(label), file: dataset.describe(index) })
  }
  return shown
}

function classTable({ evaluation: { perClass, confusion }, part }: MeasuredPart): ReportTable {
  const rows = perClass.map(({ label, images, f1 }, i) => {
    const hits = confusion[i]?.[i] ?? 0
    const named = confusion.reduce((sum, row) => sum + (row[i] ?? 0), 0)
    return [label, String(images), shareText(hits, named), shareText(hits, images), percentText(f1)]
  })
  return {
    title: `Every class, ${part} photos`,
    note: 'In brackets: the 95 % interval (Wilson).',
    columns: ['class', 'photos', 'precision', 'recall', 'F1'],
    rows,
    numbersFrom: 1,
  }
}

function photoTable({ split: { train, validation, test, classNames } }: FinishedRun): ReportTable {
  const counts = [train, validation, test].map(({ labels }) => {
    const found = classNames.map(() => 0)
    for (const label of labels) found[label] = (found[label] ?? 0) + 1
    return found
  })
  const rows = classNames.map((name, i) => [name, ...counts.map((part) => String(part[i] ?? 0))])
  return { title: 'Photos', columns: ['class', 'train', 'validation', 'test'], rows, numbersFrom: 1 }
}

function settingsTable({ settings }: FinishedRun): ReportTable {
  const rows = Object.entries(settings).flatMap(([name, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) ? [[name, String(value)]] : [],
  )
  return { title: 'Settings', columns: ['name', 'value'], rows }
}

function unusableTable({ report: { unusable } }: FinishedRun): ReportTable[] {
  if (unusable.length === 0) return []
  const rows = unusable.slice(0, listedPictures).map(({ path, reason }) => [path, reason])
  const more = unusable.length > listedPictures ? { note: `The first ${listedPictures}; run.json lists all.` } : {}
  return [{ title: `Pictures that could not be used: ${unusable.length}`, ...more, columns: ['file', 'reason'], rows }]
}
