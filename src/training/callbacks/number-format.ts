/** @file Python's format specification for numbers: `02d`, `.4f`, `+.3e`, `>10.2%`, and repr where there is none. */
import { RootstockError } from '../../errors.ts'

/** A parsed specification: [[fill]align][sign][0][width][.precision][type]. */
export interface NumberFormat {
  readonly text: string
  readonly fill: string
  readonly align: '<' | '>' | '=' | '^'
  readonly sign: string
  readonly width: number
  readonly precision: number | undefined
  readonly type: string
}

/** The specification that `text` spells, or undefined when it spells none. */
export function parseFormat(text: string): NumberFormat | undefined {
  const match = /^(?:(.)?([<>=^]))?([-+ ])?(0)?(\d{1,3})?(?:\.(\d{1,2}))?([dfFeEgG%])?$/su.exec(text)
  if (match === null) return undefined
  const [, fill, align, sign = '-', zero, width = '0', precision, type = ''] = match
  if (type === 'd' && precision !== undefined) return undefined
  return {
    text,
    fill: fill ?? (zero === undefined ? ' ' : '0'),
    align: (align ?? (zero === undefined ? '>' : '=')) as NumberFormat['align'],
    sign,
    width: Number(width),
    precision: precision === undefined ? undefined : Number(precision),
    type,
  }
}

/** `value` as Python writes it: bigint is Python's int, number its float. */
export function formatNumber(value: number | bigint, format: NumberFormat): string {
  const negative = typeof value === 'bigint' ? value < 0n : value < 0 || Object.is(value, -0)
  const sign = negative ? '-' : format.sign === '-' ? '' : format.sign
  const body = typeof value === 'bigint' ? wholeBody(value < 0n ? -value : value, format) : floatBody(Math.abs(value), format)
  const room = Math.max(0, format.width - sign.length - [...body].length)
  const pad = (count: number): string => format.fill.repeat(count)
  switch (format.align) {
    case '<':
      return sign + body + pad(room)
    case '>':
      return pad(room) + sign + body
    case '=':
      return sign + pad(room) + body
    case '^':
      return pad(Math.floor(room / 2)) + sign + body + pad(Math.ceil(room / 2))
  }
}

function wholeBody(value: bigint, format: NumberFormat): string {
  if (format.type === 'd' || (format.type === '' && format.precision === undefined)) return value.toString()
  if (format.type === '') throw refused(format, 'a whole number takes no precision without a type')
  return floatBody(Number(value), format)
}

function floatBody(value: number, format: NumberFormat): string {
  if (format.type === 'd') throw refused(format, 'd is for whole numbers, expected f, e or g')
  const upper = format.type === 'F' || format.type === 'E' || format.type === 'G'
  const text = lowerBody(value, format.type.toLowerCase(), format.precision)
  return upper ? text.toUpperCase() : text
}

function lowerBody(value: number, type: string, precision: number | undefined): string {
  if (!Number.isFinite(value)) return (Number.isNaN(value) ? 'nan' : 'inf') + (type === '%' ? '%' : '')
  if (type === 'f') return fixed(value, precision ?? 6)
  if (type === 'e') return exponential(value, precision ?? 6)
  if (type === '%') return `${lowerBody(value * 100, 'f', precision)}%`
  if (type === 'g') return general(value, precision ?? 6, false)
  return precision === undefined ? repr(value) : general(value, precision, true)
}

/** Fewest digits that read back as the same float, with an exponent below 1e-4 and from 1e16 on. */
function repr(value: number): string {
  const [mantissa = '0', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16) return `${mantissa}e${twoDigits(exponent)}`
  return withPoint(shift(mantissa.replace('.', ''), exponent))
}

/** `precision` significant digits, trailing zeros dropped; with `point` always a digit after the point. */
function general(value: number, precision: number, point: boolean): string {
  const digits = Math.max(1, precision)
  const [mantissa = '0', power = '0'] = exponential(value, digits - 1).split('e')
  const exponent = Number(power)
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
  if (exponent < -4 || exponent >= digits - (point ? 1 : 0)) return `${short}e${twoDigits(exponent)}`
  const plain = shift(short.replace('.', ''), exponent)
  return point ? withPoint(plain) : plain
}

/** The decimal that has `digits` with the point after the first one, moved by `exponent`. */
function shift(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  const padded = digits.padEnd(exponent + 1, '0')
  return padded.length === exponent + 1 ? padded : `${padded.slice(0, exponent + 1)}.${padded.slice(exponent + 1)}`
}

function withPoint(text: string): string {
  return text.includes('.') ? text : `${text}.0`
}

function fixed(value: number, places: number): string {
  // toFixed switches to exponents at 1e21; such numbers are whole.
  if (value >= 1e21) return BigInt(value).toString() + (places > 0 ? `.${'0'.repeat(places)}` : '')
  return halfToEven(value.toFixed(places), value.toFixed(100), places)
}

function exponential(value: number, places: number): string {
  const [rounded = '', power = '0'] = value.toExponential(places).split('e')
  const [exact = '', exactPower = '0'] = value.toExponential(100).split('e')
  if (Number(power) !== Number(exactPower)) return `${rounded}e${twoDigits(Number(power))}`
  return `${halfToEven(rounded, exact, places)}e${twoDigits(Number(power))}`
}

/** JavaScript rounds an exact half up, Python to the even digit. A float has so few digits that a hundred places show every half. */
function halfToEven(rounded: string, exact: string, places: number): string {
  const point = exact.indexOf('.')
  const kept = exact.slice(0, places === 0 ? point : point + 1 + places)
  const rest = exact.slice(point + 1 + places)
  return /^50*$/.test(rest) && /[02468]$/.test(kept) ? kept : rounded
}

function twoDigits(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function refused(format: NumberFormat, why: string): RootstockError {
  return new RootstockError('USAGE', `Cannot write a number as "${format.text}": ${why}`)
}
