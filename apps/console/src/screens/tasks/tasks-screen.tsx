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
import { taskTitle } from './task-title.ts';

const FIELDS = [
  { name: 'state', label: 'State', options: ['running', 'done', 'cancelled', 'failed'] },
  { name: 'kind', label: 'Kind', options: TASK_KINDS },
  { name: 'queue', label: 'Queue' },
  { name: 'counts', label: 'Dry runs', options: ['hidden'] },
] as const;

const PAGE_SIZE = 50;

function TasksScreen() {
  const { state, kind, queue, cursor, counts } = address.value.params;
  const request = { state, kind, queue_name: queue, cursor, limit: PAGE_SIZE };
  const tasks = useCall(`tasks ${JSON.stringify(request)}`, (signal) => listTasks(request, signal), {
    every: 2_000,
  });
  const columns: readonly Column<Task>[] = [
    ...COLUMNS,
    { title: 'Cancel', cell: (task) => <CancelTask task={task} onDone={tasks.reload} /> },
  ];
  return (
    <>
      <ScreenHead title="Tasks">
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
              columns={columns}
              rows={counts === 'hidden' ? items.filter(({ dry_run: isDry = false }) => !isDry) : items}
              keyOf={({ id }) => id}
              empty={next === undefined ? 'No such tasks.' : 'None on this page; more may follow.'}
              rowClass={({ dry_run: isDry }) => (isDry ? 'dim' : '')}
            />
            <Pager next={next} label="Pages of tasks" />
          </>
        )}
      </Panel>
    </>
  );
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
