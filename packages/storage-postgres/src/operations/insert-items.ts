import { type Duration, type ItemId, LAST_INSTANT, type NewItem, SCHEDULE_THRESHOLD } from '@querator/core';
import type { Statement } from '../database/database.ts';
import { fromParameter, newDetails } from '../sql/item-details.ts';
import { METADATA_COLUMN } from '../sql/metadata-column.ts';
import { anyNumberSql, boundAfter, guardedIdSql, newItemIdSql, nextNumberSql } from '../sql/new-item-id.ts';
import { hasTexts, packPayloads, packTexts } from '../sql/packed-contents.ts';
import { nowParameter, nowSql, type PartitionContext, type PartitionTable } from '../sql/partition-table.ts';
import { textArray } from '../wire/binary-array.ts';
import { durationToText, instantToText } from '../wire/instant-text.ts';

/** How the rows of a statement differ from plain ones, and what it returns. */
export interface InsertShape {
  /** The suffix of the statement's name. */
  readonly name: string;
  /** SQL for the expire deadline of an item. The item is row `u`, with `position` from 1. */
  readonly expireDeadline: string;
  /** Names of further columns, each with SQL for its value. */
  readonly columns: readonly (readonly [column: string, value: string])[];
  /** SQL for arrays that are unnested together with the items' columns, each with its column name. */
  readonly arrays: readonly (readonly [array: string, name: string])[];
  /** Further sources of rows, such as `, limits`. */
  readonly from: string;
  /** The number of the shape's parameters, which begin at {@link FIRST_SHAPE_PARAMETER}. */
  readonly parameters: number;
  /** A query for the number in the ids, if {@link InsertShape.around} has one. */
  readonly number?: (table: string) => string;
  /** Wraps the INSERT. */
  readonly around: (insert: string, table: string) => string;
  /** Reads the returned rows. Undefined: as objects. */
  readonly read?: Statement['read'];
}

const NOW = nowSql('$1');

/** SQL for the expire deadline of an item that can be leased at once. `$2` is the expire timeout. */
export const EXPIRES_FROM_NOW = `${NOW} + $2::interval`;

/** The first parameter of a shape, after now, expire timeout, ids and payloads. */
export const FIRST_SHAPE_PARAMETER = 5;

/** The placeholder of `newIds`. */
const IDS = '$3';

/** What a plain statement returns: the number in the ids. */
export interface NumberedRow {
  readonly number: string;
}

/** Returns only the number, and once: returning the rows would cost as much as storing them. */
export const PLAIN: InsertShape = {
  name: '',
  expireDeadline: EXPIRES_FROM_NOW,
  columns: [],
  arrays: [],
  from: '',
  parameters: 0,
  number: () => 'SELECT n FROM number',
  around: (insert, table) => `
  WITH number AS MATERIALIZED (${nextNumberSql(IDS, table)}),
  stored AS (${insert})
  SELECT n::text AS number FROM number`,
  read: (row): NumberedRow => ({ number: row.text() }),
};

const [BOUND, SERVER] = [0, 1].map((n) => `$${FIRST_SHAPE_PARAMETER + n}`) as [string, string];

/**
 * One plain item, whose id is returned. Where nothing is prepared, as behind some
 * poolers, {@link PLAIN} takes half as long again.
 */
export const ONE: InsertShape = {
  name: '_one',
  expireDeadline: EXPIRES_FROM_NOW,
  columns: [],
  arrays: [],
  from: '',
  parameters: 2,
  number: anyNumberSql,
  around: (insert) => `${insert} RETURNING ${guardedIdSql(BOUND, SERVER)}`,
  read: (row): StoredOne => ({ id: row.text() }),
};

/** What {@link ONE} returns. */
export interface StoredOne {
  readonly id: ItemId;
}

/** Whether an item brings metadata. Only tables with the column for it can store the item. */
export function hasMetadata({ metadata }: NewItem): boolean {
  return metadata !== undefined;
}

/** The parameters of {@link ONE}. */
export function guardOfOne({ numbers }: PartitionTable): readonly (string | null)[] {
  return [boundAfter(numbers.last), numbers.startedAt];
}

const IS_LATER = `u.due >= ${NOW} + '${durationToText(SCHEDULE_THRESHOLD)}'::interval`;

/** Returns the rows in the order of the items, and which of them are scheduled. */
export const SCHEDULED: InsertShape = {
  name: '_later',
  // The expire timeout of a scheduled item starts when it becomes available.
  expireDeadline: `CASE WHEN ${IS_LATER}
    THEN least(u.due + $2::interval, '${instantToText(LAST_INSTANT)}'::timestamptz)
    ELSE ${EXPIRES_FROM_NOW} END`,
  columns: [['enqueue_at', `CASE WHEN ${IS_LATER} THEN u.due END`]],
  arrays: [[`$${FIRST_SHAPE_PARAMETER}::timestamptz[]`, 'due']],
  from: '',
  parameters: 1,
  around: (insert) => `${insert} RETURNING id, enqueue_at IS NOT NULL AS scheduled`,
};

/** When each item becomes available. */
export function dueTimes(items: readonly NewItem[]): readonly (string | null)[] {
  return items.map(({ enqueueAt }) => (enqueueAt === undefined ? null : instantToText(enqueueAt)));
}

/** The items of a statement and their parameters. */
export interface Insertion {
  readonly items: readonly NewItem[];
  /** The parameter for the items' ids; see `newIds`. */
  readonly ids: Buffer;
  readonly expireTimeout: Duration;
}

/**
 * The statement that stores items in their order.
 *
 * @param parameters those of the shape.
 */
export function insertItems(
  context: PartitionContext,
  shape: InsertShape,
  { items, ids, expireTimeout }: Insertion,
  parameters: readonly unknown[] = [],
): Statement {
  const details = items.some(hasMetadata);
  const texts = details || hasTexts(items) ? packTexts(items) : undefined;
  const name = `produce${shape.name}${details ? '_details' : texts === undefined ? '' : '_texts'}`;
  const values = [
    ...[nowParameter(context), durationToText(expireTimeout), ids, packPayloads(items)],
    ...parameters,
    ...(texts === undefined ? [] : TEXTS.map((text) => texts[text])),
    ...(details ? [textArray(items.map(({ metadata }) => newDetails(metadata)))] : []),
  ];
  const columns = { texts: texts !== undefined, details };
  const sql = (table: string) => shape.around(insertSql(table, shape, columns), table);
  return { ...context.table.prepared(name, sql), values, read: shape.read };
}

const TEXTS = ['reference', 'encoding', 'kind'] as const;

/** Most items have no texts, and three arrays of empty ones cost a sixth of the time. */
function insertSql(
  table: string,
  shape: InsertShape,
  columnsOf: { readonly texts: boolean; readonly details: boolean },
): string {
  const texts = columnsOf.texts ? TEXTS : [];
  const further = columnsOf.details ? [...texts, METADATA_COLUMN.name] : texts;
  const firstText = FIRST_SHAPE_PARAMETER + shape.parameters;
  const arrays = [
    ['$4::bytea[]', 'payload'],
    ...further.map((text, n) => [`$${firstText + n}::text[]`, text]),
    ...shape.arrays,
  ];
  const columns = [
    ['id', newItemIdSql('u.position', IDS, table, shape.number?.(table))],
    ['expire_deadline', shape.expireDeadline],
    ['created_at', NOW],
    ['payload', 'u.payload'],
    ...texts.map((text) => [text, `u.${text}`]),
    ...(columnsOf.details ? [[METADATA_COLUMN.name, fromParameter(`u.${METADATA_COLUMN.name}`)]] : []),
    ...shape.columns,
  ];
  return `
  INSERT INTO ${table} (${columns.map(([column]) => column).join(', ')})
  SELECT ${columns.map(([, value]) => value).join(', ')}
  FROM unnest(${arrays.map(([array]) => array).join(', ')})
    WITH ORDINALITY AS u (${arrays.map(([, alias]) => alias).join(', ')}, position)${shape.from}`;
}
