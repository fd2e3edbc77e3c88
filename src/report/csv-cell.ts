/** @file One cell of a CSV file that people open in a spreadsheet. */

/** What a spreadsheet takes for the start of a formula (OWASP ASVS 1.2.10, CWE-1236), in their full-width forms too. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n\0]/

/** Semicolons as well: they part the cells where the comma is the decimal sign. */
const QUOTED = /[",;\t\r\n]/

/**
 * The value quoted by RFC 4180; text that a spreadsheet would run as a formula gets an apostrophe in front. Numbers stay numbers,
 * also negative ones; null and undefined are empty cells. Not for files that programs read back.
 */
export function csvCell(value: string | number | boolean | null | undefined): string {
  if (typeof value !== 'string') return value == null ? '' : String(value)
  const safe = FORMULA.test(value) ? `'${value}` : value
  return safe !== value || QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
