import {
  type Instant,
  instantFromMicroseconds,
  type MissedPolicy,
  type NewSchedule,
  type Schedule,
  type ScheduledItem,
  type ScheduleFailure,
  type ScheduleSettings,
  type ScheduleState,
} from '@querator/core';
import { asciiJson, fromAsciiText } from '../sql/ascii-json.ts';
import { instantFromText, instantToText } from '../wire/instant-text.ts';

/** A row of `querator_schedules` as `pg` returns it. */
export interface ScheduleRow {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly queue_name: string;
  readonly queue_created_at: string;
  readonly settings: string;
  readonly state: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** The column `settings`, as JSON. Instants are microseconds since 1970. */
interface StoredSettings {
  readonly cron: string;
  readonly timeZone: string;
  readonly missed: MissedPolicy;
  readonly until?: string | undefined;
  readonly createdBy: string;
  readonly paused: boolean;
  readonly item: Omit<ScheduledItem, 'payload' | 'metadata'> & {
    /** In base64. */
    readonly payload: string;
    readonly metadata?: readonly (readonly [string, string])[] | undefined;
  };
}

/** The column `state`, as JSON. */
interface StoredState {
  readonly dueAt?: string | undefined;
  readonly backlog?: { readonly until: string; readonly left: number } | undefined;
  readonly firedAt?: string | undefined;
  readonly fired: number;
  readonly missed: number;
  readonly failure?: (Omit<ScheduleFailure, 'since'> & { readonly since: string }) | undefined;
}

/** What a schedule's settings become in the table. */
export function settingsToText(
  { cron, timeZone, missed, until, item }: ScheduleSettings,
  { createdBy, paused }: Pick<NewSchedule, 'createdBy'> & Pick<Schedule, 'paused'>,
): string {
  const { encoding, kind, reference, payload, metadata } = item;
  const stored: StoredSettings = {
    ...{ cron, timeZone, missed, createdBy, paused },
    until: until && String(until),
    item: {
      ...{ encoding, kind, reference },
      payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64'),
      metadata: metadata && [...metadata],
    },
  };
  return asciiJson(stored);
}

/** What a schedule's state becomes in the table. */
export function stateToText({ dueAt, backlog, firedAt, fired, missed, failure }: ScheduleState): string {
  const stored: StoredState = {
    dueAt: dueAt && String(dueAt),
    backlog: backlog && { until: String(backlog.until), left: backlog.left },
    firedAt: firedAt && String(firedAt),
    ...{ fired, missed },
    failure: failure && { ...failure, since: String(failure.since) },
  };
  return asciiJson(stored);
}

/** The time of a state's `dueAt`, as a parameter. */
export function dueText(due: Instant | undefined): string | null {
  return due === undefined ? null : instantToText(due);
}

/** Converts a row to a schedule. */
export function rowToSchedule(row: ScheduleRow): Schedule {
  const { item, until, ...settings } = JSON.parse(row.settings) as StoredSettings;
  const { dueAt, backlog, firedAt, failure, ...state } = JSON.parse(row.state) as StoredState;
  const { payload, metadata, ...content } = item;
  return {
    id: row.id,
    namespace: fromAsciiText(row.namespace),
    name: row.name,
    queueName: row.queue_name,
    queueCreatedAt: instantFromText(row.queue_created_at),
    ...settings,
    until: instantOf(until),
    item: {
      ...content,
      payload: new Uint8Array(Buffer.from(payload, 'base64')),
      ...(metadata === undefined ? {} : { metadata: new Map(metadata) }),
    },
    state: {
      ...state,
      dueAt: instantOf(dueAt),
      backlog: backlog && { ...backlog, until: instantFrom(backlog.until) },
      firedAt: instantOf(firedAt),
      failure: failure && { ...failure, since: instantFrom(failure.since) },
    },
    createdAt: instantFromText(row.created_at),
    updatedAt: instantFromText(row.updated_at),
  };
}

function instantOf(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : instantFrom(text);
}

function instantFrom(microseconds: string): Instant {
  return instantFromMicroseconds(BigInt(microseconds));
}
