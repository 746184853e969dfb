import {
  errorText,
  type ImportedDetails,
  type ItemContent,
  invalid,
  type Metadata,
  type QueueError,
} from '@querator/core';
import type { Database } from '../database/database.ts';
import { isDataFault, PostgresError, TOO_LARGE } from '../errors/postgres-error.ts';
import { textArray } from '../wire/binary-array.ts';

/** Whether a statement failed because of the data to be stored. */
export function isRefusedData(error: unknown): error is PostgresError {
  return error instanceof PostgresError && (isDataFault(error.sqlState) || error.sqlState === TOO_LARGE);
}

/** The texts of an item. */
type ItemTexts = Pick<ItemContent, 'encoding' | 'kind' | 'reference'> & {
  readonly sourceId?: string | undefined;
  readonly metadata?: Metadata | undefined;
  readonly details?: ImportedDetails | undefined;
};

/**
 * The error for items with content that PostgreSQL cannot store and that no earlier
 * check has found. It names the field if possible.
 */
export async function refusedItems(
  db: Pick<Database, 'read'>,
  error: PostgresError,
  items: readonly ItemTexts[],
  dedupKeys: readonly string[] = [],
): Promise<QueueError> {
  const texts: NamedTexts = [
    ['encoding', items.map(({ encoding }) => encoding)],
    ['kind', items.map(({ kind }) => kind)],
    ['reference', items.map(({ reference }) => reference)],
    ['source_id', items.flatMap(({ sourceId }) => sourceId ?? [])],
    ['dedup_key', dedupKeys],
    ['metadata', items.flatMap(({ metadata, details }) => [...(metadata ?? details?.metadata ?? [])].flat())],
  ];
  // The refused statement had no effect, and its error stands even if the field cannot be found.
  const found = await refusedField(db, error, { texts, indexed: 'source_id' }).catch(() => undefined);
  const fault = found === undefined ? 'the storage cannot hold its content' : `${found.field} ${found.fault}`;
  return invalid(errorText`invalid item; ${fault} (SQLSTATE ${error.sqlState ?? ''})`);
}

/** What an error says of a text with a character that the database's encoding lacks. */
export const LACKS = 'has a character that the storage cannot hold';

/** A field and its fault. */
export interface RefusedField {
  readonly field: string;
  readonly fault: string;
}

/** The texts of a request, by field. */
export type NamedTexts = readonly (readonly [field: string, texts: readonly string[]])[];

/**
 * The field whose text the database refuses. A database encoding such as LATIN1 lacks
 * characters. PostgreSQL does not name the field, so each one is sent by itself.
 *
 * @param indexed the field that is in an index, whose entries have a size limit.
 * @returns undefined if it is none of them.
 */
export async function refusedField(
  db: Pick<Database, 'read'>,
  error: PostgresError,
  { texts, indexed }: { readonly texts: NamedTexts; readonly indexed: string },
): Promise<RefusedField | undefined> {
  if (error.sqlState === TOO_LARGE) return { field: indexed, fault: 'is too long for the storage' };
  for (const [field, each] of texts) {
    if (!(await holds(db, each))) return { field, fault: LACKS };
  }
  return undefined;
}

/** Whether the database can hold all characters of these texts. */
export async function holds(db: Pick<Database, 'read'>, texts: readonly string[]): Promise<boolean> {
  try {
    await db.read({ text: 'SELECT cardinality($1::text[])', values: [textArray(texts)] });
    return true;
  } catch (error) {
    if (isRefusedData(error)) return false;
    throw error;
  }
}

/** No item has an id with other characters, and some databases cannot receive them. */
export function isPossibleId(id: string): boolean {
  return /^[ -~]*$/.test(id);
}
