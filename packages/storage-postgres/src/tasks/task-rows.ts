import type { JsonValue, NewTask, Task, TaskState } from '@querator/core';
import { asciiJson, asciiText, fromAsciiText } from '../sql/ascii-json.ts';
import { instantFromText } from '../wire/instant-text.ts';

/** A row of `querator_tasks` as `pg` returns it. */
export interface TaskRow {
  readonly id: string;
  readonly kind: string;
  readonly version: number;
  readonly queue: string;
  readonly namespace: string;
  readonly exclusive: string | null;
  readonly state: TaskState;
  readonly about: string;
  readonly matched: string;
  readonly done: string;
  readonly failed: string;
  readonly faults: number;
  readonly error: string | null;
  readonly checkpoint: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly cancel_requested_at: string | null;
  readonly resume_at: string;
  readonly owner: string | null;
  readonly generation: number;
  readonly claimed_until: string | null;
}

/** The fields without a column of their own. JSON leaves out those that are undefined. */
type About = Pick<NewTask, 'parameters' | 'needs' | 'createdBy' | 'rate' | 'dryRun'>;

/** The values of a new row: id, kind, version, queue, namespace, exclusive, about. */
export function taskToValues(task: NewTask): readonly unknown[] {
  const { id, kind, version, queue, namespace, exclusive, parameters, needs, createdBy, rate, dryRun } = task;
  const about: About = { parameters, needs, createdBy, rate, dryRun };
  return [
    ...[asciiText(id), asciiText(kind), version, asciiText(queue), asciiText(namespace)],
    ...[exclusive === undefined ? null : asciiText(exclusive), asciiJson(about)],
  ];
}

export function rowToTask(row: TaskRow): Task {
  const { parameters, needs, createdBy, rate, dryRun } = JSON.parse(row.about) as About;
  return {
    ...{ id: fromAsciiText(row.id), kind: fromAsciiText(row.kind), version: row.version },
    ...{ queue: fromAsciiText(row.queue), namespace: fromAsciiText(row.namespace) },
    exclusive: textOf(row.exclusive),
    ...{ parameters, needs, createdBy, rate, dryRun },
    state: row.state,
    ...{ matched: Number(row.matched), done: Number(row.done), failed: Number(row.failed) },
    ...{ faults: row.faults, error: textOf(row.error) },
    checkpoint: row.checkpoint === null ? undefined : (JSON.parse(row.checkpoint) as JsonValue),
    createdAt: instantFromText(row.created_at),
    startedAt: instantOf(row.started_at),
    endedAt: instantOf(row.ended_at),
    cancelRequestedAt: instantOf(row.cancel_requested_at),
    resumeAt: instantFromText(row.resume_at),
    owner: textOf(row.owner),
    generation: row.generation,
    claimedUntil: instantOf(row.claimed_until),
  };
}

function textOf(text: string | null): string | undefined {
  return text === null ? undefined : fromAsciiText(text);
}

function instantOf(text: string | null): Task['endedAt'] {
  return text === null ? undefined : instantFromText(text);
}
