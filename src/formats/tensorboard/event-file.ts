/** @file Event files, which TensorBoard reads: one is written per run and split, one record after the other. */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { messageOf, RootstockError } from '../../errors.ts'
import { appendWhole, fileError } from '../../files/index.ts'
import { EventSchema, type Event } from './generated/event_pb.ts'
import { frameRecord, readRecords, type Records } from './records.ts'
import type { SummaryValue } from './summaries.ts'

/** Writes one event file. Events wait in memory until `flush`, which adds them whole; nothing is held open. */
export interface EventWriter {
  /** The file. */
  readonly path: string
  /** Values of a step, in one record each, as TensorFlow does. */
  add(step: number, values: readonly SummaryValue[]): void
  /** An encoded GraphDef. */
  addGraph(graphDef: Uint8Array): void
  /** Throws FILE; what could not be written waits for the next time. */
  flush(): void
}

/** What an event file says, up to its end or its first fault. */
export interface EventFile extends Pick<Records, 'fault' | 'size'> {
  /** Every whole event, in the order of the file. */
  readonly events: readonly Event[]
}

let written = 0

/** A writer of a new file in `folder`. The file and its folder are made by the first `flush`. */
export function eventWriter(folder: string, now: () => number = Date.now): EventWriter {
  // TensorBoard reads the files of a folder in the order of their names, and none without "tfevents" in it.
  const name = `events.out.tfevents.${String(Math.floor(now() / 1000)).padStart(10, '0')}.${hostname()}.${process.pid}.${written++}.v2`
  const path = join(folder, name)
  let waiting: Uint8Array[] = []
  const put = (event: MessageInitShape<typeof EventSchema>): void => {
    waiting.push(frameRecord(toBinary(EventSchema, create(EventSchema, { wallTime: now() / 1000, ...event }))))
  }
  put({ what: { case: 'fileVersion', value: 'brain.Event:2' }, sourceMetadata: { writer: 'rootstock' } })
  return {
    path,
    add(step, values) {
      for (const value of values) put({ step: BigInt(step), what: { case: 'summary', value: { value: [value] } } })
    },
    addGraph: (graphDef) => put({ what: { case: 'graphDef', value: graphDef } }),
    flush() {
      if (waiting.length === 0) return
      appendWhole(path, Buffer.concat(waiting))
      waiting = []
    },
  }
}

/** Reads an event file (its path or its bytes) as far as it is whole. Throws FILE, and FORMAT when a record holds no event. */
export function readEventFile(source: string | Uint8Array): EventFile {
  const { records, size, fault } = readRecords(typeof source === 'string' ? readBytes(source) : source)
  const events = records.map((record, i) => {
    try {
      return fromBinary(EventSchema, record)
    } catch (error) {
      throw new RootstockError('FORMAT', `Cannot read the event file: record ${i} is no event: ${messageOf(error)}`, { cause: error })
    }
  })
  return { events, size, fault }
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw fileError(error, path, { action: 'read' })
  }
}
