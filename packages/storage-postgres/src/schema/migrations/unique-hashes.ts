import type { Migration } from '../migrations.ts';
import { QUEUES } from '../queues.ts';

/**
 * Version 2: no two queues with the same hash. A database that has such a
 * pair, whose items are in one table, is refused until one of them is gone.
 */
export const uniqueHashes: Migration = {
  version: 2,
  async migrate(session, nameOf) {
    const queues = nameOf(QUEUES);
    const [pair] = await session.query<{ readonly names: readonly string[] }>({
      text: `SELECT array_agg(name ORDER BY name) AS names FROM ${queues}
        GROUP BY left(md5(name), 12) HAVING count(*) > 1 LIMIT 1`,
    });
    if (pair !== undefined) {
      const names = pair.names.map((name) => `'${name}'`).join(' and ');
      throw new Error(
        `queues ${names} share their tables, as their names have the same hash; delete all but one`,
      );
    }
    await session.query({
      text: `CREATE UNIQUE INDEX IF NOT EXISTS querator_queues_hash ON ${queues} ("left"(md5(name), 12))`,
    });
  },
};
