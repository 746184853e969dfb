// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources that are mutated hold template strings.

import { type Mutant, mutant } from './mutant.ts';

const MARK = 'operations/mark-moved.ts';
const HELD = 'operations/held-letters.ts';
const IMPORT = 'operations/import.ts';
const SWEEP_LEASES = 'operations/sweep-leases.ts';
const STATE = 'item-state.ts';

/** The rules by which dead letters are moved, broken one by one in the SQL. */
export const POSTGRES_LETTER_MUTANTS: readonly Mutant[] = [
  mutant('markMoved marks items that are not condemned', MARK, ' AND ${CONDEMNED}\n', '\n'),
  mutant('markMoved marks an item twice', MARK, ' AND NOT named.before', ''),
  mutant('markMoved leaves no mark', MARK, '= ${MOVED_DEADLINE}', '= item.expire_deadline'),
  mutant(
    'markMoved does not tell of those marked before',
    MARK,
    ' AND ${CONDEMNED}\n',
    ' AND ${CONDEMNED} AND NOT ${MOVED}\n',
  ),
  mutant(
    'markMoved takes items marked before for its own',
    MARK,
    'SELECT id, before FROM named',
    'SELECT id, false AS before FROM named',
  ),
  mutant('two that mark at once both get the item', MARK, 'ORDER BY id FOR UPDATE', 'ORDER BY id'),
  mutant(
    'a mark ends the claim',
    MARK,
    '= ${MOVED_DEADLINE}',
    "= ${MOVED_DEADLINE}, lease_deadline = '-infinity'",
  ),
  mutant(
    'a sweep reports marked items as dead',
    SWEEP_LEASES,
    'buried.filter((row) => !row.moved)',
    'buried.filter(() => true)',
  ),
  mutant(
    'a sweep does not report marked items',
    SWEEP_LEASES,
    'buried.filter((row) => row.moved)',
    'buried.filter(() => false)',
  ),
  mutant(
    'a sweep undoes the mark',
    STATE,
    'ELSE ${column} END`;',
    'WHEN ${column} >= ${MOVED_FROM} THEN ${column} - ${SHIFT} ELSE ${column} END`;',
  ),
  mutant(
    'a sweep that finds a condemned item marks it as moved',
    STATE,
    'return `CASE WHEN ${column} < ${SHIFTED_FROM} THEN ${column} + ${SHIFT} ELSE ${column} END`;',
    'return `CASE WHEN ${column} < ${MOVED_FROM} THEN ${column} + ${SHIFT} ELSE ${column} END`;',
  ),
  mutant(
    'a claim on marked items does not last',
    SWEEP_LEASES,
    'SET lease_deadline = ${NOW} + $5::interval',
    'SET lease_deadline = CASE WHEN ${MOVED} THEN ${NOW} ELSE ${NOW} + $5::interval END',
  ),
  mutant(
    'marked items are not counted',
    'operations/sweep.ts',
    'requeued + deleted + dead.length + moved.length >= limit',
    'requeued + deleted + dead.length >= limit',
  ),
  mutant(
    'marked items outlive a queue without a dead-letter queue',
    SWEEP_LEASES,
    'deleted AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(SELECT id FROM due WHERE dead))',
    'deleted AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(SELECT id FROM due WHERE dead)) AND NOT ${MOVED}',
  ),
  mutant(
    'remove leaves marked items',
    'operations/remove.ts',
    ' AND ${CONDEMNED}`',
    " AND ${CONDEMNED} AND expire_deadline < '170000-01-01'`",
  ),
  mutant(
    'complete takes marked items',
    'operations/complete.ts',
    'RETURNING is_leased AND NOT ${CONDEMNED} AND',
    "RETURNING is_leased AND (NOT ${CONDEMNED} OR expire_deadline >= '170000-01-01') AND",
  ),
  mutant('letters are offered at once', IMPORT, '{ isLeased: true,', '{ isLeased: false,'),
  mutant(
    'a hold counts as an attempt',
    IMPORT,
    '{ isLeased: true, attempts: 0,',
    '{ isLeased: true, attempts: 1,',
  ),
  mutant('a hold does not end', IMPORT, '${NOW} + $15::interval', '${NOW} + $2::interval + $15::interval'),
  mutant(
    'a letter brings more than its content',
    IMPORT,
    'letters.map(({ sourceId, encoding, kind, reference, payload }) => ({\n    ...{ sourceId, encoding, kind, reference, payload },',
    'letters.map((letter) => ({\n    ...letter,',
  ),
  mutant(
    'letters are delivered in the order of the call',
    HELD,
    'ORDER BY id FOR UPDATE',
    'ORDER BY array_position($1::text[], source_id) FOR UPDATE',
  ),
  mutant(
    'a letter is delivered at its old place',
    HELD,
    "SET id = ${newItemIdSql('numbered.position', '$2', table)},",
    "SET id = CASE WHEN false THEN ${newItemIdSql('numbered.position', '$2', table)} ELSE item.id END,",
  ),
  mutant(
    'a delivered letter loses its source id',
    HELD,
    'lease_deadline = NULL',
    'lease_deadline = NULL, source_id = NULL',
  ),
  mutant(
    'a letter is taken from its consumer',
    STATE,
    'max_attempts < 0 AND attempts = 0 AND',
    'max_attempts < 0 AND',
  ),
  mutant('a letter that waits is taken for held', STATE, 'attempts = 0 AND ${HELD} AND', 'attempts = 0 AND'),
  mutant('a letter that has died is taken for held', STATE, '${HELD} AND NOT ${CONDEMNED})', '${HELD})'),
  mutant(
    'an import of a lease is taken for a held letter',
    STATE,
    '(max_attempts < 0 AND attempts = 0',
    '(attempts = 0',
  ),
  mutant(
    'held letters are listed',
    'operations/list.ts',
    'enqueue_at IS NULL AND NOT ${HELD_LETTER}',
    'enqueue_at IS NULL',
  ),
  mutant(
    'held letters are counted',
    'operations/stats.ts',
    'FILTER (WHERE is_leased AND NOT ${HELD_LETTER})',
    'FILTER (WHERE is_leased)',
  ),
  mutant(
    'held letters can be completed',
    'operations/complete.ts',
    'AND NOT ${CONDEMNED} AND NOT ${HELD_LETTER} AS held',
    'AND NOT ${CONDEMNED} AS held',
  ),
  mutant(
    'held letters can be given back',
    'operations/retry.ts',
    'AND NOT ${CONDEMNED} AND NOT ${HELD_LETTER} AS held',
    'AND NOT ${CONDEMNED} AS held',
  ),
  mutant(
    'withdrawn letters stay',
    HELD,
    'withdrawn AS (DELETE FROM ${table} WHERE id = ANY (ARRAY(${held(table)})) RETURNING 1)',
    'withdrawn AS (${held(table)})',
  ),
  mutant(
    'letters are withdrawn whatever their state',
    HELD,
    'WHERE id = ANY (ARRAY(${held(table)})) RETURNING 1',
    'WHERE source_id = ANY ($1::text[]) RETURNING 1',
  ),
];
