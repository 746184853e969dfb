import {
  errorText,
  invalid,
  LIMITS,
  TASK_STATES,
  type Task,
  type TaskListRequest,
  type TaskPosition,
  type TaskState,
  type TaskStore,
  verbatim,
} from '@querator/core';

/** One call makes at most this many requests to the storage. */
const MOST_REQUESTS = 10;

/** In any state but `running`. */
const ENDED = 'ended';
const STATES = [...TASK_STATES, ENDED];
const DRY_RUNS = ['without', 'only'];

interface Asked {
  readonly state: string;
  readonly dryRuns?: string | undefined;
}

/** Which tasks a caller wants. */
interface WantedTasks {
  /** The storage returns only tasks in this state. Undefined: in every state. */
  readonly state: TaskState | undefined;
  /** Whether a task that the storage returned is wanted. */
  readonly isWanted: (task: Task) => boolean;
}

/** @throws QueueError `invalid` for unknown words. */
export function wantedTasks({ state, dryRuns = '' }: Asked): WantedTasks {
  checkWord('state', state, STATES);
  checkWord('dry_runs', dryRuns, DRY_RUNS);
  const isWanted = (task: Task) =>
    (state !== ENDED || task.state !== 'running') && (dryRuns === '' || task.dryRun === (dryRuns === 'only'));
  return { state: TASK_STATES.find((each) => each === state), isWanted };
}

function checkWord(field: 'state' | 'dry_runs', given: string, words: readonly string[]): void {
  if (given === '' || words.includes(given)) return;
  throw invalid(
    errorText`${verbatim(field)} is invalid; '${given}' is not one of '${verbatim(words.join("', '"))}'`,
  );
}

interface ReadOptions {
  /** Undefined: from the newest task. */
  readonly after: TaskPosition | undefined;
  /** The most tasks to find. */
  readonly most: number;
  readonly isWanted: (task: Task) => boolean;
}

/** A part of the list of tasks. */
interface TasksPart {
  readonly tasks: readonly Task[];
  /** Where the next part begins. Undefined: there are no more tasks. */
  readonly next: TaskPosition | undefined;
}

/**
 * Reads tasks until it has found as many as are wanted. It reads a bounded number of tasks: the part may have fewer,
 * although more follow.
 */
export async function readTasks(
  store: TaskStore,
  request: Omit<TaskListRequest, 'after' | 'limit'>,
  { after, most, isWanted }: ReadOptions,
): Promise<TasksPart> {
  const tasks: Task[] = [];
  let next = after;
  for (let requests = 0; requests < MOST_REQUESTS; requests++) {
    // The first request is enough for most callers. The following ones make up for what was left out.
    const limit = requests === 0 ? most : LIMITS.taskPage;
    const found = await store.list({ ...request, after: next, limit: limit + 1 });
    for (const [at, task] of found.slice(0, limit).entries()) {
      next = task;
      if (isWanted(task)) tasks.push(task);
      if (tasks.length === most) return { tasks, next: at + 1 < found.length ? next : undefined };
    }
    if (found.length <= limit) return { tasks, next: undefined };
  }
  return { tasks, next };
}
