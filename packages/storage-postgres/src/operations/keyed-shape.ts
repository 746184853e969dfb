import { type Duration, type Instant, UNSET_INSTANT } from '@querator/core';
import {
  nextNumberSql,
  numberAtSql,
  positionOf,
  positionSql,
  randomEndsInSql,
  randomEndsSql,
  sequenceNumberSql,
} from '../sql/new-item-id.ts';
import { nowSql, type PartitionTable } from '../sql/partition-table.ts';
import { textArray } from '../wire/binary-array.ts';
import { durationToText } from '../wire/instant-text.ts';
import { FIRST_SHAPE_PARAMETER, type InsertShape, PLAIN, SCHEDULED } from './insert-items.ts';
import { freePlacesSql, LEASED, NEW_LEASE_DEADLINE } from './leased-shape.ts';

const NOW = nowSql('$1');
const IDS = '$3';
const OWN_NUMBER = 'SELECT n FROM number';

/** A row of the table of keys, with the columns that {@link keyedParts} writes. */
const COLUMNS = ['first_number', 'random_ends', 'ends_at'];

/** What a keyed statement does with the items of new keys besides storing them. */
export type KeyedKind = 'plain' | 'scheduled' | 'leased';

const BASES = { plain: PLAIN, scheduled: SCHEDULED, leased: LEASED } as const;

/** What a keyed statement returns: a row per key in their order, then one per scheduled item. */
export type KeyedRow =
  /**
   * The key is stored now. `number` is that in the id of its first item. `leaseDeadline`
   * is that of the first items of the statement. Undefined: none is leased.
   */
  | { readonly is: 'new'; readonly number: bigint; readonly leaseDeadline: Instant | undefined }
  /** The key was stored before, by items with such ids. */
  | { readonly is: 'held'; readonly number: bigint; readonly ends: string }
  /** An item is scheduled. `position` is its position in the statement, from 1. */
  | { readonly is: 'scheduled'; readonly position: number };

const DEADLINE = `(SELECT CASE WHEN places > 0 THEN ${NEW_LEASE_DEADLINE} END FROM free)`;

const KIND = { new: 0, held: 1, scheduled: 2 } as const;

/** SQL for the parts of a statement that stores items under dedup keys. */
interface KeyedParts {
  /** A query for the number in the ids of the items. */
  readonly number: string;
  /** Begins the statement: `WITH` and three expressions, to be followed by that of the insert. */
  readonly keys: (table: string) => string;
  /** Selects the items of new keys. It follows the `FROM` of the insert. */
  readonly fresh: (keyPlace: string) => string;
}

/**
 * What an import writes behind the random ends of its keys: more than any `keySpread`. It names its
 * partition, so no fence concerns it. With the slash it is shorter than the random end of an id.
 */
export const IMPORTED_KEYS = 99_999_999;

/** The parameters of {@link keyedParts}. */
const KEY_PARAMETERS = 4;

/**
 * Stores keys that are new or ended, and tells which of them an insert in the same
 * statement may store the items of.
 *
 * The unique index makes another statement with one of the keys wait until this one
 * has committed. It then needs the row as committed, which is newer than its snapshot.
 * Only an update returns that, so a held key is updated with its own values.
 *
 * Items learn from an array whether their key is new. A join would be a nested loop
 * over all keys for each item: other joins are off (see `STEADY_PLANS`).
 *
 * The parameters are, for each key, itself, the position of its first item, the number
 * of its items, and its window. The keys must be in the same order in all processes, so
 * that statements cannot deadlock.
 *
 * @param first the number of the first parameter.
 * @param keySpread the `keySpread` of the caller. The fence of the table reads it behind the random ends, where
 *   nothing else does: ids are read in tens.
 */
export function keyedParts({ keysName }: PartitionTable, first: number, keySpread: number): KeyedParts {
  const mark = keySpread === 0 ? '' : ` || '${keySpreadMark(keySpread)}'`;
  const arrays = ['text', 'int', 'int', 'interval'].map((type, n) => `$${first + n}::${type}[]`);
  // After a sequence was set back, an earlier statement may have had the same number. The random ends tell.
  const ownEnds = `${randomEndsSql(IDS, positionSql('held.first_number'), randomEndsInSql('held.random_ends'))}${mark}`;
  const isNew = `${sequenceNumberSql('held.first_number')} = (${OWN_NUMBER}) AND held.random_ends = ${ownEnds}`;
  const unlessHeld = (column: string) =>
    `${column} = CASE WHEN held.ends_at <= ${NOW} THEN excluded.${column} ELSE held.${column} END`;
  return {
    number: OWN_NUMBER,
    keys: (table) => `
  WITH number AS MATERIALIZED (${nextNumberSql(IDS, table)}),
  kept AS (
    INSERT INTO ${keysName} AS held (key, ${COLUMNS.join(', ')})
    SELECT given.key, ${numberAtSql('given.position', OWN_NUMBER)},
      ${randomEndsSql(IDS, 'given.position', 'given.items')}${mark}, ${NOW} + given.keep
    FROM unnest(${arrays.join(', ')}) AS given (key, position, items, keep)
    ON CONFLICT (key) DO UPDATE SET ${COLUMNS.map(unlessHeld).join(', ')}
    RETURNING first_number, random_ends, ${isNew} AS is_new),
  fresh AS MATERIALIZED (SELECT array_agg(is_new) AS flags FROM kept),`,
    fresh: (keyPlace) => `, fresh WHERE fresh.flags[${keyPlace}]`,
  };
}

/** What a keyed produce writes behind the random ends. Shorter than one of them. */
export function keySpreadMark(keySpread: number): string {
  return `/${keySpread}`;
}

/** SQL for the `keySpread` behind the random ends; 0: there is none. */
export function keySpreadSql(ends: string): string {
  return `coalesce(nullif(split_part(${ends}, '/', 2), ''), '0')::int`;
}

/** The values of the parameters of {@link keyedParts}. */
export function keyParameters(
  keys: readonly {
    readonly key: string;
    readonly position: number;
    readonly items: readonly unknown[];
    readonly window: Duration;
  }[],
): readonly unknown[] {
  return [
    textArray(keys.map(({ key }) => key)),
    intArray(keys.map(({ position }) => position)),
    intArray(keys.map(({ items }) => items.length)),
    `{${keys.map(({ window }) => `"${durationToText(window)}"`).join(',')}}`,
  ];
}

/** Numbers as an array of PostgreSQL. */
export function intArray(numbers: readonly number[]): string {
  return `{${numbers.join(',')}}`;
}

/**
 * Stores the items of new keys with {@link keyedParts}, in one statement. Of kind
 * `leased` it leases the first of them too, if no other item waits. Parameters:
 * those of the base shape, the place of each item's key, and those of the keys.
 */
export function keyedShape(partition: PartitionTable, kind: KeyedKind, keySpread: number): InsertShape {
  const base: InsertShape = BASES[kind];
  const isLeasing = kind === 'leased';
  const hasSchedules = kind === 'scheduled';
  const first = FIRST_SHAPE_PARAMETER + base.parameters;
  const { number, keys, fresh } = keyedParts(partition, first + 1, keySpread);
  return {
    name: `_keyed${keySpread === 0 ? '' : `_${keySpread}`}${base.name}`,
    expireDeadline: base.expireDeadline,
    columns: base.columns,
    arrays: [...base.arrays, [`$${first}::int[]`, 'key_place']],
    from: `${base.from}${fresh('u.key_place')}`,
    parameters: base.parameters + 1 + KEY_PARAMETERS,
    number: () => number,
    around: (insert, table) => `${keys(table)}${isLeasing ? `\n  ${freePlacesSql(table)},` : ''}
  stored AS (${insert} RETURNING id${hasSchedules ? ', enqueue_at IS NOT NULL AS is_later' : ''})
  SELECT CASE WHEN is_new THEN ${KIND.new} ELSE ${KIND.held} END, first_number::text,
    CASE WHEN NOT is_new THEN random_ends END${isLeasing ? `, ${DEADLINE}` : ''} FROM kept
  ${hasSchedules ? `UNION ALL SELECT ${KIND.scheduled}, id, NULL FROM stored WHERE is_later` : ''}`,
    read: (row): KeyedRow => {
      const rowKind = row.int4();
      const id = row.text();
      const ends = row.text();
      if (rowKind === KIND.scheduled) return { is: 'scheduled', position: positionOf(id) };
      if (rowKind === KIND.held) return { is: 'held', number: BigInt(id), ends };
      const deadline = isLeasing ? row.instant() : UNSET_INSTANT;
      const leaseDeadline = deadline === UNSET_INSTANT ? undefined : deadline;
      return { is: 'new', number: BigInt(id), leaseDeadline };
    },
  };
}
