import {
  type CarriedItem,
  DEATH_REASONS,
  type Death,
  type ImportedDetails,
  type Instant,
  type ItemDetails,
  type ItemId,
  instantFromMicroseconds,
  type LetterSource,
  LIMITS,
  type Metadata,
  type TakenTarget,
} from '@querator/core';
import { asciiText, fromAsciiText, shortAsciiText } from './ascii-json.ts';

/** The keys of the column's value. The producer's pairs have one of their own, so that none can forge ours. */
const KEYS = {
  pairs: 'user',
  firstId: 'first_id',
  error: 'error',
  source: 'source',
  death: 'died',
  held: 'held',
  moving: 'moving',
  due: 'due',
} as const;

/** The source of a dead letter, as JSON. */
interface StoredSource {
  readonly queue: string;
  /** Microseconds since 1970, as all instants here. */
  readonly queue_created?: number;
  readonly partition: number;
  readonly id: string;
  readonly attempts: number;
  /** Microseconds since 1970. A double holds them exactly until the year 2255. */
  readonly produced: number;
  readonly died?: { readonly at: number; readonly reason: string };
  readonly error?: string;
  /** Whether `queue` is in ASCII, because the database cannot hold its characters. */
  readonly escaped?: true;
}

/** SQL for a value, or the empty one. Another program may have written something else than an object. */
const orEmpty = (value: string) =>
  `CASE WHEN jsonb_typeof(${value}) = 'object' THEN ${value} ELSE '{}'::jsonb END`;

/**
 * SQL for the value of a row that gets another id. The first id is written down, unless
 * that was done before.
 *
 * @param value SQL for the present value, and `id` for the present id.
 */
export function withFirstId(value = 'item.metadata', id = 'item.id'): string {
  return `jsonb_build_object('${KEYS.firstId}', ${id}) || ${orEmpty(value)}`;
}

/** SQL for the value of a row that becomes moving. @param reason SQL for the reason. */
export function withDeath(value: string, now: string, reason: string): string {
  return `${orEmpty(value)} || jsonb_build_object('${KEYS.death}',
    jsonb_build_object('at', ${microsecondsSql(now)}, 'reason', ${reason}))`;
}

/**
 * SQL for the microseconds since 1970 at which the lease was first extended with a
 * bound. NULL: it was not. The entry names the id of the item, which is another one after
 * every return to the queue. So no other statement has to remove it.
 */
export function heldSince(value = 'item.metadata', id = 'item.id'): string {
  return `CASE WHEN ${value} #>> '{${KEYS.held},id}' = ${id} THEN (${value} #>> '{${KEYS.held},since}')::bigint END`;
}

/** SQL for the value of a row whose lease is extended with a bound for the first time. */
export function withHeld(now: string, value = 'item.metadata', id = 'item.id'): string {
  return `${orEmpty(value)} || jsonb_build_object('${KEYS.held}',
    jsonb_build_object('id', ${id}, 'since', ${microsecondsSql(now)}))`;
}

/** SQL for details of a row of an items table, as a search compares them. NULL: there is none. */
export const DETAILS = {
  /** The producer's pairs, as JSON. */
  pairs: `metadata -> '${KEYS.pairs}'`,
  firstId: `coalesce(metadata ->> '${KEYS.firstId}', id)`,
  /** See core's `knownError`. */
  error: `coalesce(metadata ->> '${KEYS.error}', metadata #>> '{${KEYS.source},error}')`,
  sourceQueue: `metadata #>> '{${KEYS.source},queue}'`,
  /** See core's `knownReason`. */
  reason: `coalesce(metadata #>> '{${KEYS.death},reason}', metadata #>> '{${KEYS.source},died,reason}')`,
} as const;

/** The pairs as the column keeps them, as JSON. */
export function pairsToJson(metadata: Metadata): string {
  return JSON.stringify(Object.fromEntries(metadata));
}

/**
 * SQL for the value of an item that a task takes. Its deadlines are kept as texts, which
 * are exact in every version of PostgreSQL.
 *
 * @param task,target SQL for the task's id and for the target as JSON.
 */
export function withTaken(task: string, target: string): string {
  return `${orEmpty('metadata')} || jsonb_build_object('${KEYS.moving}', jsonb_build_object(
    'task', ${task}, 'expire', expire_deadline::text, 'target', ${target})
    || CASE WHEN enqueue_at IS NULL THEN '{}' ELSE jsonb_build_object('${KEYS.due}', enqueue_at::text) END)`;
}

/** SQL for the id of the task that has taken the item. NULL: none has. */
export const TAKEN_BY = `(metadata #>> '{${KEYS.moving},task}')`;

/** SQL for whether a task has taken the item. */
export const IS_TAKEN = `(${TAKEN_BY} IS NOT NULL)`;

/** SQL for the target of a taken item, as JSON. */
export const TAKEN_TARGET = `(metadata #>> '{${KEYS.moving},target}')`;

/** SQL for the expire deadline that a taken item had. */
export const DEADLINE_BEFORE = `(metadata #>> '{${KEYS.moving},expire}')::timestamptz`;

/** SQL for the `enqueue_at` that a taken item had. */
export const DUE_BEFORE = `(metadata #>> '{${KEYS.moving},${KEYS.due}}')::timestamptz`;

/**
 * The value for a prepared letter with a time.
 *
 * @param details that of its details; see {@link storedDetails}.
 */
export function withLetterDue(
  details: string,
  dueAt: Instant,
  instantToText: (instant: Instant) => string,
): string {
  return JSON.stringify({ ...parse(details), [KEYS.due]: isoText(dueAt, instantToText) });
}

/** SQL for the time of a prepared letter. NULL: it has none. */
export const LETTER_DUE = `(item.metadata ->> '${KEYS.due}')::timestamptz`;

/** SQL for the value of a letter that is no longer prepared. */
export const WITHOUT_DUE = `(${orEmpty('item.metadata')} - '${KEYS.due}')`;

/** SQL for whether a taken item is marked. */
export const TAKEN_MARKED = `(metadata #> '{${KEYS.moving},marked}' IS NOT NULL)`;

/** SQL for the value of a taken item that becomes marked. */
export const WITH_TAKEN_MARK = `jsonb_set(metadata, '{${KEYS.moving},marked}', 'true')`;

/** SQL for the value of an item that no task has taken any more. */
export const WITHOUT_TAKEN = `nullif(metadata - '${KEYS.moving}', '{}'::jsonb)`;

/** SQL for an instant as microseconds since 1970. */
export function microsecondsSql(instant: string): string {
  return `(extract(epoch FROM ${instant}) * 1000000)::bigint`;
}

/** SQL for the value of a row with its last error. @param error SQL for a text; empty: the value stays. */
export function withError(value: string, error: string): string {
  return `CASE WHEN ${error} = '' THEN ${value}
    ELSE ${orEmpty(value)} || jsonb_build_object('${KEYS.error}', ${error}) END`;
}

/** SQL for the value of a parameter of {@link newDetails} or {@link storedDetails}. */
export function fromParameter(parameter: string): string {
  return `nullif(${parameter}, '')::jsonb`;
}

/** That of an item without any. */
export const NO_METADATA: Metadata = new Map();

/** The value for a new item. Empty: none. */
export function newDetails(metadata: Metadata | undefined): string {
  return metadata === undefined ? '' : JSON.stringify({ [KEYS.pairs]: Object.fromEntries(metadata) });
}

/**
 * The value for an item that brings its details. Empty: none.
 *
 * @param escapes whether the database lacks characters of them. Then all texts but the
 *   producer's are in ASCII: a letter must not stay where it is because of them.
 */
export function storedDetails(details: ImportedDetails | undefined, escapes: boolean): string {
  if (details === undefined) return '';
  const { firstId, metadata, error, source } = escapes ? escaped(details) : details;
  return JSON.stringify({
    ...(firstId !== undefined && { [KEYS.firstId]: firstId }),
    ...(metadata.size > 0 && { [KEYS.pairs]: Object.fromEntries(metadata) }),
    ...(error !== undefined && { [KEYS.error]: error }),
    ...(source !== undefined && {
      [KEYS.source]: { ...storedSource(source), ...(escapes && { escaped: true }) },
    }),
  });
}

function escaped({ error, source, ...details }: ImportedDetails): ImportedDetails {
  return {
    ...details,
    error: error && escapedError(error),
    source: source && {
      ...source,
      queue: asciiText(source.queue),
      error: source.error && escapedError(source.error),
    },
  };
}

/** The error of a retry for a database that lacks characters of it. */
export function escapedError(error: string): string {
  return shortAsciiText(error, LIMITS.itemError);
}

/**
 * The details of an item. What this server does not write is ignored: the column may
 * have been that of another program.
 *
 * @param text the value as text. Null or empty: none.
 */
export function readDetails(id: ItemId, text: string | null): ItemDetails {
  const value = parse(text);
  const firstId = value[KEYS.firstId];
  return {
    firstId: typeof firstId === 'string' ? firstId : id,
    metadata: pairsOf(value[KEYS.pairs]),
    error: textOf(value[KEYS.error]),
    source: sourceOf(value[KEYS.source]),
  };
}

/** When and why an item died. Undefined: it is not known. */
export function readDeath(text: string | null): Death | undefined {
  return deathOf(parse(text)[KEYS.death]);
}

/** What the column says of an item besides its details. */
interface InnerDetails extends Pick<CarriedItem, 'details' | 'death' | 'heldSince'> {
  /** The task that has taken the item, and the expire deadline that it had. */
  readonly taken: { readonly by: NonNullable<CarriedItem['taken']>; readonly expire: string } | undefined;
  /** The time of a prepared letter, or that a taken item had, as text. */
  readonly due: string | undefined;
}

/** Everything that the column says of an item. */
export function readInnerDetails(id: ItemId, text: string | null): InnerDetails {
  const value = parse(text);
  const firstId = value[KEYS.firstId];
  const held = fieldsOf(value[KEYS.held]);
  const { task, target, expire, marked, due } = fieldsOf(value[KEYS.moving]);
  const isTaken = typeof task === 'string' && typeof expire === 'string';
  return {
    details: text === null ? undefined : { ...readDetails(id, text), firstId: textOf(firstId) },
    death: deathOf(value[KEYS.death]),
    heldSince: held['id'] === id ? instantOf(held['since']) : undefined,
    taken: isTaken
      ? { by: { task, target: target as TakenTarget, isMarked: marked !== undefined }, expire }
      : undefined,
    due: textOf(isTaken ? due : value[KEYS.due]),
  };
}

/**
 * The value of the column for an item that moved here. Empty: none.
 *
 * @param details that of its details; see {@link storedDetails}.
 */
export function innerDetails(
  { id, death, heldSince, taken, dueAt, expireDeadline }: CarriedItem,
  details: string,
  instantToText: (instant: Instant) => string,
): string {
  const isPlain = [death, heldSince, taken, dueAt].every((part) => part === undefined);
  if (isPlain) return details;
  const due = dueAt && { [KEYS.due]: isoText(dueAt, instantToText) };
  return JSON.stringify({
    ...parse(details),
    ...(death !== undefined && { [KEYS.death]: { at: Number(death.at), reason: death.reason } }),
    ...(heldSince !== undefined && { [KEYS.held]: { id, since: Number(heldSince) } }),
    ...(taken !== undefined && {
      [KEYS.moving]: {
        task: taken.task,
        expire: isoText(expireDeadline, instantToText),
        target: taken.target,
        ...(taken.isMarked && { marked: true }),
        ...due,
      },
    }),
    ...(taken === undefined && due),
  });
}

/** An instant as PostgreSQL prints it. */
function isoText(instant: Instant, instantToText: (instant: Instant) => string): string {
  return instantToText(instant).replace('T', ' ');
}

type Fields = Readonly<Record<string, unknown>>;

const NOTHING: Fields = {};

function parse(text: string | null): Fields {
  return text === null || text === '' ? NOTHING : fieldsOf(JSON.parse(text));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NOTHING;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function pairsOf(value: unknown): Metadata {
  if (value === undefined) return NO_METADATA;
  const isPair = (pair: readonly [string, unknown]): pair is [string, string] => typeof pair[1] === 'string';
  return new Map(Object.entries(fieldsOf(value)).filter(isPair));
}

function storedSource({
  queue,
  queueCreatedAt,
  partition,
  id,
  attempts,
  producedAt,
  death,
  error,
}: LetterSource): StoredSource {
  return {
    ...{ queue, partition, id, attempts, produced: Number(producedAt) },
    ...(queueCreatedAt !== undefined && { queue_created: Number(queueCreatedAt) }),
    ...(death !== undefined && { died: { at: Number(death.at), reason: death.reason } }),
    ...(error !== undefined && { error }),
  };
}

function sourceOf(value: unknown): LetterSource | undefined {
  if (value === undefined) return undefined;
  const fields = fieldsOf(value);
  const { queue: name, partition, id, attempts, produced, died, error, escaped } = fields;
  const producedAt = instantOf(produced);
  if (typeof name !== 'string' || typeof partition !== 'number' || typeof id !== 'string') return undefined;
  if (typeof attempts !== 'number' || producedAt === undefined) return undefined;
  const queue = escaped === true ? fromAsciiText(name) : name;
  const queueCreatedAt = instantOf(fields['queue_created']);
  return {
    ...{ queue, queueCreatedAt, partition, id, attempts, producedAt },
    ...{ death: deathOf(died), error: textOf(error) },
  };
}

function deathOf(value: unknown): Death | undefined {
  if (value === undefined) return undefined;
  const { at, reason } = fieldsOf(value);
  const instant = instantOf(at);
  const known = DEATH_REASONS.find((each) => each === reason);
  return instant === undefined || known === undefined ? undefined : { at: instant, reason: known };
}

function instantOf(value: unknown): Instant | undefined {
  return Number.isSafeInteger(value) ? instantFromMicroseconds(BigInt(value as number)) : undefined;
}
