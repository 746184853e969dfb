import { echo } from '../text/error-text.ts';
import type { AuditChange } from './audit-event.ts';

/** The value of a setting. */
export type AuditedValue = string | number | readonly string[];

/** The most elements of a list that an event shows. */
const ELEMENTS = 50;

/**
 * The settings that differ, by their names. Texts are cut at 100 characters, and
 * lists at 50 elements.
 */
export function changesBetween<Field extends string>(
  before: Readonly<Record<Field, AuditedValue>>,
  after: Readonly<Record<Field, AuditedValue>>,
): readonly AuditChange[] {
  return (Object.keys(before) as Field[])
    .filter((field) => wholeText(before[field]) !== wholeText(after[field]))
    .map((field) => ({ field, before: shortText(before[field]), after: shortText(after[field]) }));
}

function wholeText(value: AuditedValue): string {
  return typeof value === 'object' ? value.join(' ') : String(value);
}

function shortText(value: AuditedValue): string {
  return typeof value === 'object' ? value.slice(0, ELEMENTS).map(echo).join(' ') : echo(String(value));
}
