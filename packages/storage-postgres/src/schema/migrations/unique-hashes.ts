import { namesOfQueues } from '../../sql/queue-names.ts';
import { queueHash } from '../../sql/table-name.ts';
import { QUEUES } from '../tables/queues.ts';
import { createUnlessRefused } from './hash-index.ts';
import type { Migration } from './migration.ts';

/**
 * Version 2: no two queues with the same hash. Refuses a database that has such a
 * pair, whose items are in one table, until one of them is deleted.
 */
export const uniqueHashes: Migration = {
  version: 2,
  async migrate(session, nameOf) {
    const queues = nameOf(QUEUES);
    const seen = new Map<string, string>();
    for await (const name of namesOfQueues({ session, queues })) {
      const other = seen.get(queueHash(name));
      if (other !== undefined) {
        throw new Error(
          `queues '${other}' and '${name}' share their tables, as their names have the same hash; delete all but one`,
        );
      }
      seen.set(queueHash(name), name);
    }
    await createUnlessRefused(
      session,
      `CREATE UNIQUE INDEX IF NOT EXISTS querator_queues_hash ON ${queues} ("left"(md5(name), 12))`,
    );
  },
};
