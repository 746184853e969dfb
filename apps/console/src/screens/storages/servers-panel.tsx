import type { Instance, Instances } from '../../api/system.ts';
import type { Loaded } from '../../api/use-call.ts';
import { Badge } from '../../parts/badge.tsx';
import { Moment } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { countOf } from '../../text/number.ts';

const COLUMNS: readonly Column<Instance>[] = [
  {
    title: 'Server',
    names: true,
    cell: ({ name, self }) => (
      <>
        <Plain text={name} /> {self && <Badge tone="good">answers you</Badge>}
      </>
    ),
  },
  { title: 'Version', cell: ({ version }) => <Plain text={version} /> },
  { title: 'Started', cell: ({ started_at }) => <Moment at={started_at} /> },
  { title: 'Last heartbeat', cell: ({ heartbeat_at }) => <Moment at={heartbeat_at} /> },
  {
    title: 'Storages',
    wide: true,
    cell: ({ storages = [] }) => <Plain text={storages.map(({ name }) => name).join(', ')} />,
  },
];

/** The server processes on the same storage. */
export function ServersPanel({ instances }: { readonly instances: Loaded<Instances> }) {
  return (
    <Panel title="Servers on the same storage" loaded={instances}>
      {({ instances = [], unrecorded = [] }) => (
        <>
          <Table caption="Servers" columns={COLUMNS} rows={instances} keyOf={({ id }) => id} />
          <Versions versions={[...new Set(instances.map(({ version }) => version))]} />
          {unrecorded.length > 0 && (
            <div class="note notice">
              <p>
                {countOf(unrecorded.length, 'server')} of an older version{' '}
                {unrecorded.length === 1 ? 'runs' : 'run'} here too, and{' '}
                {unrecorded.length === 1 ? 'keeps' : 'keep'} no record. What it would break is refused until
                it is gone.
              </p>
              <ul>
                {unrecorded.map(({ id, description }) => (
                  <li key={id}>
                    <Plain text={description} />
                  </li>
                ))}
              </ul>
            </div>
          )}
        </>
      )}
    </Panel>
  );
}

function Versions({ versions }: { readonly versions: readonly string[] }) {
  if (versions.length < 2) return null;
  return (
    <p class="note notice">
      Servers of different versions run: {versions.join(', ')}. Newer ones refuse what older ones would break.
    </p>
  );
}
