import { customType } from 'drizzle-orm/pg-core';

/** Text in byte order, whatever the database's collation: ids and names are compared as bytes. */
export const bytewiseText = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });

/** Bytes as they are. */
export const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });

/** A point in time with PostgreSQL's microseconds, which JavaScript's Date would cut off. */
export const timestamptz = customType<{ data: string }>({ dataType: () => 'timestamptz' });
