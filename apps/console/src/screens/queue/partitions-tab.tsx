import { useState } from 'preact/hooks';
import { formatAddress } from '../../address/address-text.ts';
import type { Partition, QueueDescription } from '../../api/queues.ts';
import { listTasks } from '../../api/tasks.ts';
import { type Loaded, useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { Age } from '../../parts/age.tsx';
import { Badge } from '../../parts/badge.tsx';
import { SpanOf } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { TaskProgress } from '../../parts/task-progress.tsx';
import { countOf, formatCount } from '../../text/number.ts';
import { CancelTask } from '../tasks/cancel-task.tsx';
import { countedOf } from '../tasks/task-title.ts';
import { ResizeDialog } from './resize-dialog.tsx';

function columns(readAt: number | undefined): readonly Column<Partition>[] {
  return [
    { title: 'Partition', names: true, cell: ({ partition = 0 }) => partition },
    {
      title: 'Storage',
      cell: ({ storage_name = '', moving_to }) => (
        <>
          <Plain text={storage_name} />
          {moving_to && (
            <>
              {' '}
              → <Plain text={moving_to} /> <Badge tone="notice">moving</Badge>
            </>
          )}
        </>
      ),
    },
    { title: 'Health', cell: (row) => <Health partition={row} /> },
    {
      title: 'State',
      cell: ({ state = '' }) => <Badge tone={state === 'open' ? 'quiet' : 'notice'}>{state}</Badge>,
    },
    { title: 'Waiting', numeric: true, cell: ({ waiting = 0 }) => formatCount(waiting) },
    { title: 'Leased', numeric: true, cell: ({ leased = 0 }) => formatCount(leased) },
    { title: 'Scheduled', numeric: true, cell: ({ scheduled = 0 }) => formatCount(scheduled) },
    { title: 'Oldest waiting', numeric: true, cell: ({ head_age }) => <SpanOf span={head_age} /> },
    { title: 'Counted', wide: true, cell: ({ count_age }) => <Age age={count_age} readAt={readAt} short /> },
  ];
}

function Health({ partition: { health, failures = 0 } }: { readonly partition: Partition }) {
  if (health !== 'failing') return <Badge tone="good">in service</Badge>;
  return <Badge tone="bad">{`out of service: ${countOf(failures, 'failure')} in a row`}</Badge>;
}

/** The partitions of a queue, with their storages. */
export function PartitionsTab({
  queue,
  loaded,
}: {
  readonly queue: string;
  readonly loaded: Loaded<QueueDescription>;
}) {
  const [isResizing, setResizing] = useState(false);
  const { partitions: present = [] } = loaded.data ?? {};
  return (
    <>
      <Resize queue={queue} onDone={loaded.reload} />
      <Panel
        loaded={loaded}
        actions={
          loaded.data !== undefined && <ActionButton onClick={() => setResizing(true)}>Resize…</ActionButton>
        }
      >
        {({ partitions = [] }) => (
          <Table
            caption="Partitions"
            columns={columns(loaded.readAt)}
            rows={partitions}
            keyOf={({ partition = 0 }) => String(partition)}
            rowClass={({ health }) => (health === 'failing' ? 'alarm' : '')}
          />
        )}
      </Panel>
      {isResizing && (
        <ResizeDialog
          queue={queue}
          present={present.length}
          onClose={() => {
            setResizing(false);
            loaded.reload();
          }}
        />
      )}
    </>
  );
}

/** The resize that runs, if one does. */
function Resize({ queue, onDone }: { readonly queue: string; readonly onDone: () => void }) {
  const request = { queue_name: queue, kind: 'resize', state: 'running', limit: 10 };
  const tasks = useCall(`resize ${queue}`, (signal) => listTasks(request, signal), { every: 2_000 });
  const task = tasks.data?.items?.find(({ dry_run: isDry = false }) => !isDry);
  if (task === undefined) return null;
  return (
    <section class="panel" aria-label="Resize">
      <header class="panel-head">
        <h2>
          <a href={formatAddress(['tasks', task.id])}>A resize runs</a>
        </h2>
        <CancelTask
          task={task}
          onDone={() => {
            tasks.reload();
            onDone();
          }}
        />
      </header>
      <TaskProgress task={task} noun={countedOf(task)} />
    </section>
  );
}
