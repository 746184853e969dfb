import { type ItemContent, invalid, type QueueError } from '@querator/core';
import type { Database } from '../database/database.ts';
import { isDataFault, PostgresError, TOO_LARGE } from '../errors/postgres-error.ts';
import { textArray } from '../wire/binary-array.ts';

/** Whether a statement failed because of what it was to store. */
export function isRefusedData(error: unknown): error is PostgresError {
  return error instanceof PostgresError && (isDataFault(error.sqlState) || error.sqlState === TOO_LARGE);
}

/** Texts of items. */
type ItemTexts = Pick<ItemContent, 'encoding' | 'kind' | 'reference'> & {
  readonly sourceId?: string | undefined;
};

/**
 * Items hold something PostgreSQL cannot store, that nobody before the driver
 * has caught. The caller is told the field where it can be found out.
 */
export async function refusedItems(
  db: Pick<Database, 'read'>,
  error: PostgresError,
  items: readonly ItemTexts[],
): Promise<QueueError> {
  const texts: NamedTexts = [
    ['encoding', items.map(({ encoding }) => encoding)],
    ['kind', items.map(({ kind }) => kind)],
    ['reference', items.map(({ reference }) => reference)],
    ['source_id', items.flatMap(({ sourceId }) => sourceId ?? [])],
  ];
  // What was refused has left no trace, and is refused whether or not its field can be told.
  const found = await refusedField(db, error, { texts, indexed: 'source_id' }).catch(() => undefined);
  const fault = found === undefined ? 'the storage cannot hold its content' : `${found.field} ${found.fault}`;
  return invalid(`invalid item; ${fault} (SQLSTATE ${error.sqlState})`);
}

/** What is said of a text with a character that the encoding of the database has not got. */
export const LACKS = 'has a character that the storage cannot hold';

/** A field, and what is wrong with it. */
export interface RefusedField {
  readonly field: string;
  readonly fault: string;
}

/** The texts of a request, by the name of the field that they are from. */
export type NamedTexts = readonly (readonly [field: string, texts: readonly string[]])[];

/**
 * The field whose text the database refuses. Not every character is in every
 * encoding that a database may have, LATIN1 for one; which field was meant
 * PostgreSQL does not say, so each is sent by itself.
 *
 * @param indexed the field that is in an index, whose entries have a limit.
 * @returns undefined where it is none of them.
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

/** Whether the database has all characters of these texts. */
export async function holds(db: Pick<Database, 'read'>, texts: readonly string[]): Promise<boolean> {
  try {
    await db.read({ text: 'SELECT cardinality($1::text[])', values: [textArray(texts)] });
    return true;
  } catch (error) {
    if (isRefusedData(error)) return false;
    throw error;
  }
}

/** No item has an id with other characters, and not every database can be asked for one. */
export function isPossibleId(id: string): boolean {
  return /^[ -~]*$/.test(id);
}
