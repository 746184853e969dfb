import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
import { listTasks, TASK_KINDS, type Task } from '../../api/tasks.ts';
import { useCall } from '../../api/use-call.ts';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { Moment, None } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ReadOnlyNote } from '../../parts/read-only-note.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { TaskState } from '../../parts/task-progress.tsx';
import { formatCount } from '../../text/number.ts';
import type { Screen } from '../screen.ts';
import { CancelTask } from './cancel-task.tsx';
import { CancelTasks, canCancel } from './cancel-tasks.tsx';
import { TASK_TITLES, taskTitle } from './task-title.ts';

const FIELDS = [
  { name: 'state', label: 'State', options: ['running', 'ended', 'done', 'cancelled', 'failed'] },
  { name: 'kind', label: 'Kind', options: TASK_KINDS, labels: TASK_TITLES },
  { name: 'queue', label: 'Queue' },
  {
    name: 'dry_runs',
    label: 'Dry runs',
    options: ['without', 'only'],
    labels: { without: 'left out', only: 'only these' },
  },
] as const;

const PAGE_SIZE = 50;

function TasksScreen() {
  const { state, kind, queue, cursor, dry_runs } = address.value.params;
  const request = { state, kind, queue_name: queue, cursor, dry_runs, limit: PAGE_SIZE };
  const tasks = useCall(`tasks ${JSON.stringify(request)}`, (signal) => listTasks(request, signal), {
    every: 2_000,
  });
  const rows = tasks.data?.items ?? [];
  const running = rows.filter(canCancel);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const isFiltered = Boolean(state || kind || queue || dry_runs);
  return (
    <>
      <ScreenHead
        title="Tasks"
        actions={
          <>
            {running.length > 1 && (
              <button type="button" onClick={() => setChosen(new Set(running.map(({ id }) => id)))}>
                Choose all that run
              </button>
            )}
            <CancelTasks
              chosen={running.filter(({ id }) => chosen.has(id))}
              onDone={() => {
                setChosen(new Set());
                tasks.reload();
              }}
            />
          </>
        }
      >
        <p>
          Long work on many items. A server goes on with it whoever looks. Ended ones are kept for 7 days.
        </p>
        <ReadOnlyNote />
      </ScreenHead>
      <FilterBar label="Filter the tasks" fields={FIELDS} />
      <Panel loaded={tasks}>
        {({ items = [], cursor: next }) => (
          <>
            <Table
              caption="Tasks"
              columns={[
                ...(running.length > 0 ? [chooseColumn(chosen, setChosen)] : []),
                ...COLUMNS,
                { title: 'Cancel', cell: (task) => <CancelTask task={task} onDone={tasks.reload} /> },
              ]}
              rows={items}
              keyOf={({ id }) => id}
              empty={emptyText({ isFiltered, isFirst: !cursor, hasNext: next !== undefined })}
              rowClass={({ dry_run: isDry }) => (isDry ? 'dim' : '')}
            />
            <Pager next={next} label="Pages of tasks" />
          </>
        )}
      </Panel>
    </>
  );
}

function emptyText({
  isFiltered,
  isFirst,
  hasNext,
}: {
  readonly isFiltered: boolean;
  readonly isFirst: boolean;
  readonly hasNext: boolean;
}): string {
  if (hasNext) return 'None on this page; more may follow.';
  if (!isFirst) return 'No tasks follow.';
  if (isFiltered) return 'No task meets the filter.';
  return 'There are no tasks. Work on many items, such as a redrive of dead letters, is a task.';
}

/** A box at each task that can be cancelled with others. */
function chooseColumn(
  chosen: ReadonlySet<string>,
  setChosen: (chosen: ReadonlySet<string>) => void,
): Column<Task> {
  const toggle = (id: string) => {
    const others = [...chosen].filter((each) => each !== id);
    setChosen(new Set(chosen.has(id) ? others : [...others, id]));
  };
  return {
    title: 'Choose',
    cell: (task) =>
      canCancel(task) ? (
        <input
          type="checkbox"
          aria-label={`Choose ${taskTitle(task)} ${task.queue_name ?? ''} ${task.id}`}
          checked={chosen.has(task.id)}
          onChange={() => toggle(task.id)}
        />
      ) : (
        <None why="it does not run" />
      ),
  };
}

const COLUMNS: readonly Column<Task>[] = [
  {
    title: 'Task',
    names: true,
    cell: (task) => <a href={formatAddress(['tasks', task.id])}>{taskTitle(task)}</a>,
  },
  { title: 'State', cell: (task) => <TaskState task={task} /> },
  {
    title: 'Queue',
    cell: ({ queue_name: queue }) =>
      queue ? (
        <a href={formatAddress(['queues', queue])}>
          <Plain text={queue} limit={100} />
        </a>
      ) : (
        <None />
      ),
  },
  { title: 'Found', numeric: true, cell: ({ matched = 0 }) => formatCount(matched) },
  { title: 'Done', numeric: true, cell: ({ done = 0 }) => formatCount(done) },
  {
    title: 'Failed',
    numeric: true,
    cell: ({ failed = 0 }) => (failed > 0 ? <strong class="bad">{formatCount(failed)}</strong> : 0),
  },
  { title: 'Why', cell: ({ error }) => (error ? <Plain text={error} limit={200} /> : <None />) },
  { title: 'By', wide: true, cell: ({ created_by: by = '' }) => <Plain text={by} limit={60} /> },
  { title: 'Created', wide: true, cell: ({ created_at }) => <Moment at={created_at} /> },
];

/** What runs, and what has ended how. */
export const tasksScreen: Screen = {
  path: ['tasks'],
  title: () => 'Tasks',
  component: TasksScreen,
  navigation: { label: 'Tasks', group: 'Work' },
};
