import {
  type ClaimedTask,
  type Duration,
  type MakeAuditEvent,
  type NewTask,
  TASKS_RUNNING_MAX,
  type Task,
  type TaskChange,
  type TaskClaim,
  type TaskClaimRequest,
  type TaskEnd,
  type TaskListRequest,
  type TaskStore,
  taskExcluded,
  tooManyTasks,
} from '@querator/core';
import { insertEvents } from '../audit/audit-rows.ts';
import type { Session } from '../database/database.ts';
import { allTables, type TableProvisioner } from '../database/table-calls.ts';
import { lockSchema } from '../schema/fixed-schema.ts';
import { TASKS } from '../schema/separate-tables.ts';
import type { StoreParts } from '../schema/store-parts.ts';
import { AUDIT } from '../schema/tables/audit.ts';
import { asciiJson, asciiText, fromAsciiText } from '../sql/ascii-json.ts';
import { nowParameter } from '../sql/partition-table.ts';
import { textArray } from '../wire/binary-array.ts';
import { durationToText, instantFromText, instantToText } from '../wire/instant-text.ts';
import { rowToTask, type TaskRow, taskToValues } from './task-rows.ts';
import {
  cancelIn,
  claimIn,
  endIn,
  getFrom,
  insertInto,
  listFrom,
  pruneFrom,
  releaseIn,
  saveIn,
} from './task-statements.ts';

const [TABLE = ''] = TASKS.relations;

type ClaimedRow = TaskRow & { readonly now: string };

/** Tasks in a table of their own; see core's `TaskStore` for the contract. */
export class PostgresTaskStore implements TaskStore {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  create(task: NewTask, audit?: MakeAuditEvent): Promise<Task> {
    return this.#run(
      (tasks) =>
        this.#parts.db.transaction(async (session) => {
          // One creation at a time, so that the number of tasks stays below its limit.
          await lockSchema(session, 'tasks');
          const existing = await this.#getIn(session, tasks, task.id);
          if (existing !== undefined) return existing;
          const count = `SELECT count(*)::int AS running FROM ${tasks} WHERE state = 'running'`;
          const [counted] = await session.query<{ readonly running: number }>({ text: count });
          if ((counted?.running ?? 0) >= TASKS_RUNNING_MAX) throw tooManyTasks(TASKS_RUNNING_MAX);
          const now = this.#now();
          const values = [now, ...taskToValues(task)];
          const [row] = await session.query<TaskRow>({ text: insertInto(tasks), values });
          if (row === undefined) throw taskExcluded();
          await session.query({ text: pruneFrom(tasks), values: [now] });
          await this.#record(session, audit);
          return rowToTask(row);
        }),
      audit,
    );
  }

  get(id: string): Promise<Task | undefined> {
    return this.#ifThere(undefined, (tasks) =>
      this.#getIn({ query: (statement) => this.#parts.db.read(statement) }, tasks, id),
    );
  }

  namespaces(): Promise<readonly string[]> {
    return this.#ifThere([], async (tasks) => {
      const text = `SELECT DISTINCT namespace FROM ${tasks}`;
      const rows = await this.#parts.db.read<{ readonly namespace: string }>({ text });
      return rows.map(({ namespace }) => fromAsciiText(namespace));
    });
  }

  list({ namespaces, kind, queue, state, after, limit }: TaskListRequest): Promise<readonly Task[]> {
    return this.#ifThere([], async (tasks) => {
      const values = [
        this.#now(),
        namespaces === undefined ? null : textArray(namespaces.map(asciiText)),
        ...[kind, queue, state].map((text) => (text === undefined ? null : asciiText(text))),
        after === undefined ? null : instantToText(after.createdAt),
        after === undefined ? null : asciiText(after.id),
        limit,
      ];
      return (await this.#parts.db.read<TaskRow>({ text: listFrom(tasks), values })).map(rowToTask);
    });
  }

  claim({ owner, kinds, timeout }: TaskClaimRequest): Promise<ClaimedTask | undefined> {
    return this.#ifThere(undefined, async (tasks) => {
      const values = [
        this.#now(),
        textArray(kinds.map(({ kind }) => asciiText(kind))),
        kinds.map(({ version }) => version),
        asciiText(owner),
        durationToText(timeout),
      ];
      return claimedOf(await this.#parts.db.write<ClaimedRow>({ text: claimIn(tasks), values }));
    });
  }

  save(claim: TaskClaim, change: TaskChange, timeout: Duration): Promise<ClaimedTask | undefined> {
    return this.#ifThere(undefined, async (tasks) => {
      const { pause } = change;
      const values = [
        ...this.#changeOf(claim, change),
        ...[pause === undefined ? null : durationToText(pause), durationToText(timeout)],
      ];
      return claimedOf(await this.#parts.db.write<ClaimedRow>({ text: saveIn(tasks), values }));
    });
  }

  requestCancel(id: string, audit?: MakeAuditEvent): Promise<Task | undefined> {
    return this.#ifThere(
      undefined,
      (tasks) =>
        this.#parts.db.transaction(async (session) => {
          const values = [this.#now(), asciiText(id)];
          const [row] = await session.query<TaskRow>({ text: cancelIn(tasks), values });
          if (row === undefined) return this.#getIn(session, tasks, id);
          await this.#record(session, audit);
          return rowToTask(row);
        }),
      audit,
    );
  }

  end(claim: TaskClaim, { state, ...change }: TaskEnd): Promise<Task | undefined> {
    return this.#ifThere(undefined, async (tasks) => {
      const values = [...this.#changeOf(claim, change), state];
      const [row] = await this.#parts.db.write<TaskRow>({ text: endIn(tasks), values });
      return row && rowToTask(row);
    });
  }

  release({ id, generation }: TaskClaim): Promise<void> {
    return this.#ifThere(undefined, async (tasks) => {
      const values = [this.#now(), asciiText(id), generation];
      await this.#parts.db.write({ text: releaseIn(tasks), values });
    });
  }

  async #getIn(session: Session, tasks: string, id: string): Promise<Task | undefined> {
    const values = [this.#now(), asciiText(id)];
    const [row] = await session.query<TaskRow>({ text: getFrom(tasks), values });
    return row && rowToTask(row);
  }

  /** The first nine parameters of `saveIn` and `endIn`. */
  #changeOf(
    { id, generation }: TaskClaim,
    { counts, faults, checkpoint, error }: TaskChange,
  ): readonly unknown[] {
    return [
      ...[this.#now(), asciiText(id), generation],
      ...[counts?.matched ?? null, counts?.done ?? null, counts?.failed ?? null, faults ?? null],
      checkpoint === undefined ? null : asciiJson(checkpoint),
      error === undefined ? null : asciiText(error ?? ''),
    ];
  }

  #now(): string | null {
    return nowParameter({ clock: this.#parts.clock });
  }

  #run<T>(operation: (tasks: string) => Promise<T>, audit?: MakeAuditEvent): Promise<T> {
    const tables: TableProvisioner =
      audit === undefined
        ? this.#parts.schema.tasks
        : allTables(this.#parts.schema.tasks, this.#parts.schema.audit);
    return this.#parts.calls.run(tables, () => operation(this.#parts.db.schema.relation(TABLE)));
  }

  /** Runs an operation on existing tasks. Without a table there are none. */
  async #ifThere<T>(
    nothing: T,
    operation: (tasks: string) => Promise<T>,
    audit?: MakeAuditEvent,
  ): Promise<T> {
    const isThere = await this.#parts.calls.track(() => this.#parts.schema.tasks.exists());
    return isThere ? this.#run(operation, audit) : nothing;
  }

  /** Stores the event of a change in its transaction. */
  async #record(session: Session, audit: MakeAuditEvent | undefined): Promise<void> {
    if (audit === undefined) return;
    await session.query(insertEvents(this.#parts.db.schema.relation(AUDIT), [audit()], this.#now()));
  }
}

function claimedOf([row]: readonly ClaimedRow[]): ClaimedTask | undefined {
  return row && { task: rowToTask(row), now: instantFromText(row.now) };
}
