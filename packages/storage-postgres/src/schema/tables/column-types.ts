import { customType } from '../drizzle.ts';

/** Text compared by bytes whatever the database's collation, for ids and names. */
export const bytewiseText = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });

/** Bytes. */
export const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });

/** An instant with PostgreSQL's microseconds, which JavaScript's Date would cut off. */
export const timestamptz = customType<{ data: string }>({ dataType: () => 'timestamptz' });
