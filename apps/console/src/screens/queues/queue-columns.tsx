import { formatAddress } from '../../address/address-text.ts';
import type { QueueRow } from '../../api/queue-list.ts';
import { Sparkline } from '../../charts/sparkline.tsx';
import { Age } from '../../parts/age.tsx';
import { Badge } from '../../parts/badge.tsx';
import { None, SpanOf } from '../../parts/moment.tsx';
import { Plain } from '../../parts/plain.tsx';
import type { Column } from '../../parts/table.tsx';
import { formatCount, formatRate } from '../../text/number.ts';
import { rateLines } from '../queue/minutes.ts';

const RATE =
  'The line: the last hour, each scaled to its own peak. The number: items a second in the last full minute';

/** The columns of the list of queues. @param readAt when the rows arrived, in milliseconds since 1970. */
export function queueColumns(readAt: number | undefined): readonly Column<QueueRow>[] {
  return [
    { title: 'Queue', names: true, sort: 'name', first: 'up', cell: (row) => <Name row={row} /> },
    { title: 'Waiting', numeric: true, sort: 'waiting', cell: (row) => <Count row={row} of="waiting" /> },
    {
      title: 'Oldest',
      hint: 'How long the oldest waiting item has waited',
      numeric: true,
      sort: 'head_age',
      cell: ({ head_age }) => <SpanOf span={head_age} />,
    },
    {
      title: 'Dead letters',
      numeric: true,
      sort: 'dead',
      hint: 'All that waits in its dead-letter queue, which other queues may use too',
      cell: (row) => <Dead row={row} />,
    },
    { title: 'Leased', numeric: true, cell: (row) => <Count row={row} of="leased" /> },
    { title: 'Scheduled', numeric: true, wide: true, cell: (row) => <Count row={row} of="scheduled" /> },
    { title: 'Produced, 1 h', wide: true, hint: RATE, cell: (row) => <Rate row={row} line="produced" /> },
    { title: 'Completed, 1 h', wide: true, hint: RATE, cell: (row) => <Rate row={row} line="completed" /> },
    { title: 'Counted', wide: true, cell: ({ count_age }) => <Age age={count_age} readAt={readAt} short /> },
  ];
}

function Name({ row: { queue_name: name, pause, namespace } }: { readonly row: QueueRow }) {
  return (
    <>
      <a href={formatAddress(['queues', name])}>
        <Plain text={name} limit={100} />
      </a>
      {pause !== undefined && (
        <>
          {' '}
          <Badge tone="notice">paused</Badge>
        </>
      )}
      {namespace !== undefined && namespace !== '_system' && (
        <span class="quiet in-namespace">
          {' '}
          in <Plain text={namespace} />
        </span>
      )}
    </>
  );
}

/** Of an estimated queue, smaller counts than this are exact. */
const EXACT = 5_000;

function Count({ row, of }: { readonly row: QueueRow; readonly of: 'waiting' | 'leased' | 'scheduled' }) {
  if (row.count_age === undefined) return <None why="not counted yet" />;
  const count = row[of] ?? 0;
  if (row.estimated !== true || count <= EXACT) return <>{formatCount(count)}</>;
  return <span title="An estimate, mostly to a tenth: the queue is large">about {formatCount(count)}</span>;
}

function Dead({ row: { dead = 0, dead_queue, queue_name: name, count_age } }: { readonly row: QueueRow }) {
  if (!dead_queue) return <None why="no dead-letter queue" />;
  // The server counts both queues in one go, and says 0 until it has.
  if (dead === 0 && count_age === undefined) return <None why="not counted yet" />;
  if (dead === 0) return <>0</>;
  return (
    <a
      class="bad"
      href={formatAddress(['queues', dead_queue, 'dead-letters'], { source_queue: name })}
      title={`${dead_queue} holds so many, from whatever queue they came. The link leads to those of ${name}.`}
    >
      {formatCount(dead)}
    </a>
  );
}

const LINES = { produced: 0, completed: 2 } as const;

function Rate({ row, line }: { readonly row: QueueRow; readonly line: keyof typeof LINES }) {
  const { minutes = [], queue_name: name } = row;
  const now = new Date().toISOString();
  const values = (rateLines({ now, minutes }, 60, 1).series[LINES[line]]?.values ?? []).map(
    (each) => each ?? 0,
  );
  const last = values.at(-1) ?? 0;
  return (
    <span class="rate">
      <Sparkline
        values={values}
        label={`Items ${line} of ${name}: ${formatRate(last)} a second in the last full minute`}
      />
      <span class="numbers">{formatRate(last)}/s</span>
    </span>
  );
}
