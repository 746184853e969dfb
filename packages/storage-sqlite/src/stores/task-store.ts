import type {
  ClaimedTask,
  Duration,
  MakeAuditEvent,
  NewTask,
  Task,
  TaskChange,
  TaskClaim,
  TaskClaimRequest,
  TaskEnd,
  TaskListRequest,
  TaskStore,
} from '@querator/core';
import type { Database } from '../database/database.ts';
import { addEvent } from './add-event.ts';

/** The tasks of a file. */
export class SqliteTaskStore implements TaskStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  create(task: NewTask, audit?: MakeAuditEvent): Promise<Task> {
    return this.#database.transaction(async (transaction) => {
      const { task: created, isChanged } = await transaction.call('createTask', { task });
      if (isChanged) await addEvent(transaction, audit);
      return created;
    });
  }

  get(id: string): Promise<Task | undefined> {
    return this.#database.read('getTask', { id });
  }

  namespaces(): Promise<readonly string[]> {
    return this.#database.read('taskNamespaces', null);
  }

  list(request: TaskListRequest): Promise<readonly Task[]> {
    return this.#database.read('listTasks', request);
  }

  claim(request: TaskClaimRequest): Promise<ClaimedTask | undefined> {
    return this.#database.call('claimTask', request);
  }

  save(claim: TaskClaim, change: TaskChange, timeout: Duration): Promise<ClaimedTask | undefined> {
    return this.#database.call('saveTask', { claim, change, timeout });
  }

  requestCancel(id: string, audit?: MakeAuditEvent): Promise<Task | undefined> {
    return this.#database.transaction(async (transaction) => {
      const cancelled = await transaction.call('cancelTask', { id });
      if (cancelled?.isChanged === true) await addEvent(transaction, audit);
      return cancelled?.task;
    });
  }

  end(claim: TaskClaim, end: TaskEnd): Promise<Task | undefined> {
    return this.#database.call('endTask', { claim, end });
  }

  release(claim: TaskClaim): Promise<void> {
    return this.#database.call('releaseTask', { claim });
  }
}
