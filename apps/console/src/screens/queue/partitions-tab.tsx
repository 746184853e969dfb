import type { Partition, QueueDescription } from '../../api/queues.ts';
import type { Loaded } from '../../api/use-call.ts';
import { Age } from '../../parts/age.tsx';
import { Badge } from '../../parts/badge.tsx';
import { SpanOf } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { countOf, formatCount } from '../../text/number.ts';

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
export function PartitionsTab({ loaded }: { readonly loaded: Loaded<QueueDescription> }) {
  return (
    <Panel loaded={loaded}>
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
  );
}
