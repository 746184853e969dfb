import type { Session } from '../database/database.ts';

/** The number of names per read. */
const NAMES_AT_ONCE = 10_000;

/** Where the names of queues are read. */
export interface NamesSession {
  readonly session: Session;
  /** The table of queues with its schema, as SQL. */
  readonly queues: string;
}

/** All names in byte order. */
export async function* namesOfQueues({ session, queues }: NamesSession): AsyncGenerator<string> {
  let last = '';
  for (;;) {
    const rows = await session.query<{ readonly name: string }>({
      text: `SELECT name FROM ${queues} WHERE name > $1 ORDER BY name LIMIT ${NAMES_AT_ONCE}`,
      values: [last],
    });
    for (const { name } of rows) yield name;
    if (rows.length < NAMES_AT_ONCE) return;
    last = rows.at(-1)?.name ?? '';
  }
}
