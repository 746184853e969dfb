import { type Metadata, type OutboxRow, UNSET_INSTANT } from '@querator/core';
import type { BinaryRow } from '../wire/binary-row.ts';

/** A row with the number of drops at that moment. */
export interface ReadRow {
  readonly row: OutboxRow;
  readonly drops: number;
}

/** Reads the columns of the statements `rows` and `rowsOfBatch`. */
export function readRow(row: BinaryRow): ReadRow {
  const id = row.text();
  const payload = row.bytes();
  const encoding = row.text();
  const kind = row.text();
  const reference = row.text();
  const due = row.instant();
  const metadata = toMetadata(row.text());
  const drops = row.int4();
  const item = {
    ...{ payload, encoding, kind, reference },
    enqueueAt: due === UNSET_INSTANT ? undefined : due,
    metadata: typeof metadata === 'string' ? undefined : metadata,
  };
  return { row: { id, item, fault: typeof metadata === 'string' ? metadata : undefined }, drops };
}

/** @param text an object in JSON; empty: none. @returns a text that says what is wrong with it. */
function toMetadata(text: string): Metadata | string | undefined {
  if (text === '') return undefined;
  const pairs = Object.entries(JSON.parse(text) as Record<string, unknown>);
  if (pairs.some(([, value]) => typeof value !== 'string'))
    return 'metadata is invalid; a value must be a text';
  return pairs.length === 0 ? undefined : new Map(pairs as [string, string][]);
}
