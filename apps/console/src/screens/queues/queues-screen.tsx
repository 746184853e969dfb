import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
import { listQueues, type QueueRow } from '../../api/queue-list.ts';
import { session } from '../../api/session.ts';
import { useCall } from '../../api/use-call.ts';
import { Sparkline } from '../../charts/sparkline.tsx';
import { ActionButton } from '../../parts/action-button.tsx';
import { Age } from '../../parts/age.tsx';
import { Badge } from '../../parts/badge.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { None, SpanOf } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { formatCount, formatRate } from '../../text/number.ts';
import { rateLines } from '../queue/minutes.ts';
import type { Screen } from '../screen.ts';
import { CreateQueueDialog } from './create-queue-dialog.tsx';

const PAGE = 50;

function QueuesScreen() {
  const { namespace = session.value.scope, from = '', cursor = '' } = address.value.params;
  const [isCreating, setCreating] = useState(false);
  const start = cursor || from;
  const page = useCall(
    `queues ${namespace} ${start}`,
    (signal) => listQueues({ namespace, from: start, limit: PAGE }, signal),
    { every: 10_000 },
  );
  return (
    <>
      <ScreenHead
        title="Queues"
        actions={<ActionButton onClick={() => setCreating(true)}>Create a queue…</ActionButton>}
      />
      <FilterBar
        label="Filter the queues"
        fields={[
          { name: 'from', label: 'From the name', placeholder: 'orders' },
          { name: 'namespace', label: 'Namespace', placeholder: '_system' },
        ]}
      />
      <Panel loaded={page}>
        {({ items = [], cursor: next }) => (
          <>
            <Table
              caption="Queues"
              columns={columns(page.readAt)}
              rows={items}
              keyOf={({ queue }) => queue.queue_name}
              rowClass={({ failing = 0 }) => (failing > 0 ? 'alarm' : '')}
              empty="No queues. Another namespace may have some."
            />
            <Pager next={next} label="Pages of queues" />
          </>
        )}
      </Panel>
      {isCreating && (
        <CreateQueueDialog namespace={namespace} onClose={() => setCreating(false)} onDone={page.reload} />
      )}
    </>
  );
}

function columns(readAt: number | undefined): readonly Column<QueueRow>[] {
  const count = (
    title: string,
    of: (row: QueueRow) => number | undefined,
    present: (row: QueueRow) => boolean,
  ) => ({
    title,
    numeric: true,
    cell: (row: QueueRow) => (present(row) ? formatCount(of(row) ?? 0) : <None why="not known" />),
  });
  const isCounted = ({ count_age }: QueueRow) => count_age !== undefined;
  return [
    { title: 'Queue', names: true, cell: (row) => <Name row={row} /> },
    count('Waiting', ({ waiting }) => waiting, isCounted),
    { title: 'Oldest waiting', numeric: true, cell: ({ head_age }) => <SpanOf span={head_age} /> },
    count('Leased', ({ leased }) => leased, isCounted),
    { ...count('Scheduled', ({ scheduled }) => scheduled, isCounted), wide: true },
    { title: 'Dead in 1 h', numeric: true, cell: (row) => <Dead row={row} /> },
    { title: 'Produced in 1 h', wide: true, cell: (row) => <Rate row={row} line={0} /> },
    { title: 'Completed in 1 h', wide: true, cell: (row) => <Rate row={row} line={2} /> },
    { title: 'Counts', wide: true, cell: ({ count_age }) => <Age age={count_age} readAt={readAt} /> },
  ];
}

function Name({ row: { queue, pause, failing = 0 } }: { readonly row: QueueRow }) {
  return (
    <>
      <a href={formatAddress(['queues', queue.queue_name])}>
        <Plain text={queue.queue_name} />
      </a>
      {pause !== undefined && (
        <>
          {' '}
          <Badge tone="notice">paused</Badge>
        </>
      )}
      {failing > 0 && (
        <>
          {' '}
          <Badge tone="bad">{`${failing} out of service`}</Badge>
        </>
      )}
    </>
  );
}

function Dead({ row: { rates } }: { readonly row: QueueRow }) {
  if (rates === undefined) return <None why="not known" />;
  const dead = (rates.minutes ?? []).reduce((sum, { dead = 0 }) => sum + dead, 0);
  return dead > 0 ? <strong class="bad">{formatCount(dead)}</strong> : '0';
}

function Rate({ row: { queue, rates }, line }: { readonly row: QueueRow; readonly line: number }) {
  if (rates === undefined) return <None why="not known" />;
  const { label = '', values = [] } = rateLines(rates, 60, 1).series[line] ?? {};
  const known = values.map((value) => value ?? 0);
  const last = known.at(-1) ?? 0;
  return (
    <span class="rate">
      <Sparkline
        values={known}
        label={`${label} of ${queue.queue_name}: ${formatRate(last)} a second at last`}
      />
      <span class="numbers">{formatRate(last)}/s</span>
    </span>
  );
}

/** All queues. */
export const queuesScreen: Screen = {
  path: ['queues'],
  title: () => 'Queues',
  component: QueuesScreen,
  navigation: { label: 'Queues', group: 'Work' },
};
