// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources that are changed hold template strings.

import { type Variant, variant } from './variant.ts';

const OPERATIONS = 'packages/storage-postgres/src/operations';
const LEASE = `${OPERATIONS}/lease.ts`;
const MARK = 'packages/storage-postgres/src/low-water-mark.ts';
const BOUNDS = 'packages/storage-postgres/src/settled-bounds.ts';

/** Rules broken in the driver for PostgreSQL, some of which only show with several instances or a crash. */
export const POSTGRES_VARIANTS: readonly Variant[] = [
  variant('a lease locks no rows', LEASE, '\n  FOR UPDATE SKIP LOCKED`;', '`;'),
  {
    name: 'a lease is not committed',
    seeds: 3,
    edits: [
      {
        file: LEASE,
        find: 'const rows = await context.db.write<LeasedItem>({ ...statement, read: readLeased });',
        replace: `const send = (leasing: never) => context.db.transaction(async (session) => {
    const taken = await session.query<LeasedItem>(leasing);
    if (context.random.fraction() < 0.1) await session.query({ text: 'ROLLBACK' });
    return taken;
  });
  const rows = await send(({ ...statement, read: readLeased }) as never);`,
      },
    ],
  },
  variant(
    'a lease that runs out keeps its id, and its place',
    `${OPERATIONS}/sweep-leases.ts`,
    "SET id = ${newItemIdSql('numbered.position', '$4', table)},",
    "SET id = CASE WHEN false THEN ${newItemIdSql('numbered.position', '$4', table)} ELSE item.id END,",
  ),
  variant(
    'a complete that comes too late is accepted',
    `${OPERATIONS}/complete.ts`,
    'return refused.map((outcome) => outcome ?? DONE);',
    'return refused.map(() => DONE);',
  ),
  variant(
    'what is given back goes to the head',
    `${OPERATIONS}/retry.ts`,
    "CASE WHEN fate = 'waiting' THEN ${newItemIdSql('position', '$5', table)} ELSE id END",
    "CASE WHEN fate = 'waiting' THEN overlay(${newItemIdSql('position', '$5', table)} PLACING '00000000000' FROM 2) ELSE id END",
    6,
  ),
  variant(
    'items come out in the order of chance',
    LEASE,
    'ORDER BY is_leased, enqueue_at, id\n',
    'ORDER BY md5(id)\n',
  ),
  {
    name: 'the low-water mark runs ahead of what was handed out',
    seeds: 12,
    edits: [
      { file: BOUNDS, find: 'boundAfter(last), writers', replace: 'boundAfter(last + 40n), writers' },
      // A run is short: the mark has to move in it.
      { file: MARK, find: 'ITEMS_BETWEEN_LOOKS = 1_000', replace: 'ITEMS_BETWEEN_LOOKS = 50' },
    ],
  },
  variant(
    'nothing is durable when it is acknowledged',
    'packages/storage-postgres/src/session-options.ts',
    "    setting('jit', 'off'),\n",
    "    setting('jit', 'off'),\n    setting('synchronous_commit', 'off'),\n",
    6,
  ),
  {
    ...variant(
      'what is acknowledged is on the primary only',
      'packages/storage-postgres/src/session-options.ts',
      "    setting('jit', 'off'),\n",
      "    setting('jit', 'off'),\n    setting('synchronous_commit', 'local'),\n",
    ),
    onFailover: true,
  },
  variant(
    'a produce with an unknown outcome is sent again',
    'packages/engine/src/loops/produce-loop.ts',
    "const certain = error instanceof StorageError && error.outcome === 'not-applied';",
    'const certain = error instanceof StorageError;',
    12,
  ),
];
