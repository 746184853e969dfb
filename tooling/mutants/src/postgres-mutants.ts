// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources that are mutated hold template strings.

import { type Mutant, mutant } from './mutant.ts';
import { POSTGRES_LETTER_MUTANTS } from './postgres-letter-mutants.ts';

const LEASE = 'operations/lease.ts';
const COMPLETE = 'operations/complete.ts';
const PRODUCE_AND_LEASE = 'operations/produce-and-lease.ts';
const RETRY = 'operations/retry.ts';
const SWEEP_LEASES = 'operations/sweep-leases.ts';
const SWEEP_SCHEDULED = 'operations/sweep-scheduled.ts';

/** Rules of the queue, broken one by one in the SQL. Parameters that are no longer used would be a mere type error. */
export const POSTGRES_MUTANTS: readonly Mutant[] = [
  mutant(
    'a page may end with its first item',
    'operations/list.ts',
    'page.position <= 2',
    'page.position <= 1',
  ),
  mutant(
    'only payloads count towards the size of a call',
    'payload-budget.ts',
    " + ${['reference', 'encoding', 'kind']",
    " + 0 * ${['reference', 'encoding', 'kind']",
  ),
  mutant(
    'a lease that runs out keeps its id, and its place',
    SWEEP_LEASES,
    "SET id = ${newItemIdSql('numbered.position', '$4', table)},",
    "SET id = CASE WHEN false THEN ${newItemIdSql('numbered.position', '$4', table)} ELSE item.id END,",
  ),
  mutant(
    'a lease that runs out loses the source id',
    SWEEP_LEASES,
    'is_leased = false, lease_deadline = NULL,',
    'is_leased = false, lease_deadline = NULL, source_id = NULL,',
  ),
  mutant(
    'a lease that runs out ignores the attempts',
    SWEEP_LEASES,
    '($2::int > 0 AND attempts >= $2::int)',
    '($2::int < 0)',
  ),
  mutant(
    'retry keeps the id, and the place',
    RETRY,
    "CASE WHEN fate = 'waiting' THEN",
    "CASE WHEN fate = 'never' THEN",
  ),
  mutant(
    'retry loses the source id',
    RETRY,
    'id = fates.new_id,\n',
    'id = fates.new_id, source_id = NULL,\n',
  ),
  mutant('retry ignores the attempts', RETRY, '($6::int > 0 AND item.attempts >= $6::int)', '($6::int < 0)'),
  mutant(
    'retry gives back the good ones of a bad request',
    RETRY,
    "ELSE ARRAY[${failUnlessAllHeld('count(*)')}::text]",
    'ELSE array_agg(fate ORDER BY position)',
  ),
  mutant(
    'the life of a scheduled item begins before its time',
    'operations/insert-items.ts',
    'least(u.due + $2::interval',
    'least(${NOW} + $2::interval',
  ),
  mutant(
    'a due item keeps its id, and its place',
    SWEEP_SCHEDULED,
    "SET id = ${newItemIdSql('numbered.position', '$3', table)},",
    "SET id = CASE WHEN false THEN ${newItemIdSql('numbered.position', '$3', table)} ELSE item.id END,",
  ),
  mutant(
    'due items enter in the order of their ids',
    SWEEP_SCHEDULED,
    'ORDER BY enqueue_at, id',
    'ORDER BY id',
  ),
  mutant('lease takes the newest first', LEASE, 'ORDER BY is_leased, enqueue_at, id\n', 'ORDER BY id DESC\n'),
  mutant(
    'lease takes them by the time they were created',
    LEASE,
    'ORDER BY is_leased, enqueue_at, id\n',
    'ORDER BY created_at\n',
  ),
  mutant(
    'lease takes scheduled items',
    LEASE,
    'WHERE is_leased = false AND enqueue_at IS NULL AND id >= $4',
    'WHERE is_leased = false AND id >= $4',
  ),
  mutant(
    'lease does not count the attempt',
    LEASE,
    'attempts = least(attempts, ${ATTEMPTS_MAX} - 1) + 1',
    'attempts = attempts',
  ),
  mutant('two leases at once get the same items', LEASE, 'FOR UPDATE SKIP LOCKED', ''),
  mutant(
    'release does not give the attempt back',
    'operations/release.ts',
    ', attempts = greatest(attempts - 1, 0)',
    '',
  ),
  mutant(
    'complete takes items nobody holds',
    COMPLETE,
    'RETURNING is_leased AND NOT ${CONDEMNED} AND NOT',
    'RETURNING NOT',
  ),
  mutant(
    'complete takes condemned items',
    COMPLETE,
    'RETURNING is_leased AND NOT ${CONDEMNED} AND',
    'RETURNING is_leased AND',
  ),
  mutant(
    'complete removes the good ones of a bad request',
    COMPLETE,
    "ELSE ${failUnlessAllHeld('count(*) FILTER (WHERE held)')} END",
    'ELSE 0 END',
  ),
  mutant(
    'a schedule exactly at the threshold is for now',
    'operations/insert-items.ts',
    'u.due >= ${NOW}',
    'u.due > ${NOW}',
  ),
  mutant(
    'a produce for consumers who wait goes before older items',
    PRODUCE_AND_LEASE,
    '${LIMIT}::bigint ELSE 0 END',
    '${LIMIT}::bigint ELSE ${LIMIT}::bigint END',
  ),
  mutant(
    'a produce for consumers who wait does not count the attempt',
    PRODUCE_AND_LEASE,
    'THEN 1 ELSE 0 END',
    'THEN 0 ELSE 0 END',
  ),
  mutant(
    'a produce for consumers who wait leases all that it stores',
    PRODUCE_AND_LEASE,
    "'u.position <= free.places'",
    "'free.places > 0'",
  ),
  mutant(
    'a produce for consumers who wait tells them other ids',
    PRODUCE_AND_LEASE,
    'formatItemId(number + BigInt(n), end)',
    'formatItemId(number + BigInt(n) + 1n, end)',
  ),
  {
    name: 'an item past its time dies under a valid lease',
    edits: ['operations/sweep-expired.ts', 'operations/sweep-probe.ts'].map((file) => ({
      file,
      find: 'WHERE expire_deadline < ${NOW} AND is_leased IS NOT TRUE AND enqueue_at IS NULL',
      replace: 'WHERE expire_deadline < ${NOW} AND enqueue_at IS NULL',
    })),
  },
  mutant('remove takes items that are not condemned', 'operations/remove.ts', ' AND ${CONDEMNED}`', '`'),
  mutant(
    'import stores a source id twice',
    'schema/items.ts',
    "uniqueIndex(indexName('src'))",
    "index(indexName('src'))",
  ),
  mutant(
    'a page starts after the pivot',
    'operations/list.ts',
    'WHERE id >= $1 AND ${condition}',
    'WHERE id > $1 AND ${condition}',
  ),
  mutant(
    'clear takes leased items too',
    'operations/clear.ts',
    'WHEN is_leased THEN $2::boolean',
    'WHEN is_leased THEN $2::boolean OR $1::boolean',
  ),
  mutant(
    'drop leaves the items',
    'schema-keeper.ts',
    "what === 'drop' ? `DROP TABLE IF EXISTS ${table}`",
    "what === 'drop' ? 'SELECT 1'",
  ),
  mutant(
    'concurrent updates of a queue lose one',
    'queue-relations.ts',
    'WHERE name = $1 FOR UPDATE',
    'WHERE name = $1',
  ),
  mutant(
    'a queue that is being deleted is not known as one',
    'queue-relations.ts',
    'deadQueueEnds: deadQueue?.ends ?? false',
    'deadQueueEnds: false',
  ),
  mutant(
    'a deletion is checked in a step of its own',
    'queue-store.ts',
    'const stored = (await lockQueues(this.#in(session), [name], this.#now())).get(name);',
    'const [stored] = await session.query<QueueRow>({ text: `SELECT * FROM ${this.#queues} WHERE name = $1`, values: [name] });',
  ),
  mutant(
    "an earlier queue's items go without proof that it was deleted",
    'schema-keeper.ts',
    'removeLeftOver(session, nameOf(name), isSameQueue(holder, deleted))',
    'removeLeftOver(session, nameOf(name), true)',
  ),
  mutant(
    'the drop of a queue takes the table of an earlier one along',
    'schema-keeper.ts',
    "if (claim === 'superseded' || claim === 'left-over') return;",
    "if (claim === 'superseded') return;",
  ),
  mutant(
    'a deletion is not noted',
    'deletion-notes.ts',
    'SELECT name, created_at FROM gone',
    'SELECT name, created_at FROM gone WHERE false',
  ),
  mutant(
    'the note of a deletion goes at once',
    'deletion-notes.ts',
    " - interval '${DELETION_NOTE_MS} milliseconds'",
    '',
  ),
  ...POSTGRES_LETTER_MUTANTS,
];
