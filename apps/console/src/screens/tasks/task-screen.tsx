import type { ComponentChildren } from 'preact';
import { formatAddress } from '../../address/address-text.ts';
import { getTask, type Task, type TaskMove } from '../../api/tasks.ts';
import { useCall } from '../../api/use-call.ts';
import { Facts } from '../../parts/facts.tsx';
import { ExactTime, None } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ReadOnlyNote } from '../../parts/read-only-note.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { TaskProgress } from '../../parts/task-progress.tsx';
import { formatCount } from '../../text/number.ts';
import { ConditionList } from '../items/condition-list.tsx';
import { conditionsOfFilter } from '../items/item-filter.ts';
import type { PathValues, Screen } from '../screen.ts';
import { CancelTask } from './cancel-task.tsx';
import { countedOf, taskTitle } from './task-title.ts';

/** Tasks of these kinds take items that a filter names. */
const WITH_FILTER = new Set(['delete', 'retry', 'redrive', 'move']);

function TaskScreen({ values: { task: id = '' } }: { readonly values: PathValues }) {
  const loaded = useCall(`task ${id}`, (signal) => getTask(id, signal), { every: 1_000 });
  const task = loaded.data;
  return (
    <>
      <ScreenHead
        title={task === undefined ? 'Task' : taskTitle(task)}
        actions={task?.state === 'running' && <CancelTask task={task} onDone={loaded.reload} />}
      >
        <nav class="links" aria-label="Tasks">
          <a href="#/tasks">All tasks</a>
          {task?.queue_name && (
            <a href={formatAddress(['tasks'], { queue: task.queue_name })}>Tasks of this queue</a>
          )}
        </nav>
        {task?.state === 'running' && <ReadOnlyNote />}
      </ScreenHead>
      <Panel loaded={loaded}>{(task) => <Details task={task} />}</Panel>
    </>
  );
}

function Details({ task }: { readonly task: Task }) {
  const { moves = [] } = task;
  return (
    <>
      <TaskProgress task={task} noun={countedOf(task)} />
      <div class="part">
        <Facts facts={factsOf(task)} />
      </div>
      {WITH_FILTER.has(task.kind) && <Which task={task} />}
      {moves.length > 0 && (
        <section class="part">
          <h2>Partitions</h2>
          <Table caption="Partitions" columns={MOVES} rows={moves} keyOf={keyOfMove} />
        </section>
      )}
    </>
  );
}

function factsOf(task: Task): readonly (readonly [string, ComponentChildren])[] {
  const { queue_name: queue, to, rate = 0, created_by: by = '' } = task;
  return [
    ['Queue', <QueueLink queue={queue} />],
    ...(to ? [['To', <QueueLink queue={to} />] as const] : []),
    ['Speed', rate === 0 ? 'no limit' : `${formatCount(rate)} a second`],
    ['Created by', <Plain text={by} limit={200} />],
    ['Created', <ExactTime at={task.created_at} />],
    ['Began', <ExactTime at={task.started_at} />],
    ['Asked to end', <ExactTime at={task.cancel_requested_at} />],
    ['Ended', <ExactTime at={task.ended_at} />],
    ['Id', <code>{task.id}</code>],
  ];
}

function QueueLink({ queue }: { readonly queue: string | undefined }) {
  if (!queue) return <None />;
  return (
    <a href={formatAddress(['queues', queue])}>
      <Plain text={queue} />
    </a>
  );
}

/** Which items a task takes, with a link to those that are there now. */
function Which({ task: { filter, queue_name: queue = '' } }: { readonly task: Task }) {
  const conditions = conditionsOfFilter(filter ?? {});
  // Bytes that are no text have no place in the address: the link would show more than the task takes.
  const isWhole = filter?.payload === undefined || conditions.payload !== undefined;
  return (
    <section class="part">
      <h2>Which items</h2>
      <ConditionList filter={filter} />
      <p class="quiet">
        Only those that were there when the task was created. Ids are shown to keys with the permission
        queue.complete only.
      </p>
      {isWhole && (
        <p>
          <a href={formatAddress(['queues', queue, 'items'], conditions)}>Show the items that match now</a>
        </p>
      )}
    </section>
  );
}

const keyOfMove = ({ queue_name: queue, partition = 0 }: TaskMove) => `${partition} ${queue}`;

const MOVES: readonly Column<TaskMove>[] = [
  { title: 'Queue', names: true, cell: ({ queue_name: queue }) => <QueueLink queue={queue} /> },
  { title: 'Partition', numeric: true, cell: ({ partition = 0 }) => partition },
  { title: 'From', cell: ({ from = '' }) => <Plain text={from} /> },
  { title: 'To', cell: ({ to }) => (to ? <Plain text={to} /> : <None />) },
  { title: 'Items', numeric: true, cell: ({ items = 0 }) => formatCount(items) },
  {
    title: 'Task',
    cell: ({ task_id: id }) =>
      id ? <a href={formatAddress(['tasks', id])}>moves now</a> : <None why="does not move now" />,
  },
  { title: 'Why not', cell: ({ error }) => (error ? <Plain text={error} limit={200} /> : <None />) },
];

/** One task. */
export const taskScreen: Screen = {
  path: ['tasks', ':task'],
  title: ({ task = '' }) => `Task ${task}`,
  component: TaskScreen,
};
