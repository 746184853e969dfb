import { useState } from 'preact/hooks';
import { listInstances, type ServerInfo, type ServerStorage, serverInfo } from '../../api/system.ts';
import { type Loaded, useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { Badge } from '../../parts/badge.tsx';
import { BulkAction } from '../../parts/bulk-action.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import type { Screen } from '../screen.ts';
import { ServersPanel } from './servers-panel.tsx';

function StoragesScreen() {
  const info = useCall('server', serverInfo, { every: 10_000 });
  const instances = useCall('instances', listInstances, { every: 5_000 });
  return (
    <>
      <ScreenHead title="Storages and servers" />
      <StoragesPanel info={info} />
      <ServersPanel instances={instances} />
    </>
  );
}

function StoragesPanel({ info }: { readonly info: Loaded<ServerInfo> }) {
  const [drained, setDrained] = useState<string>();
  return (
    <Panel title="Storages of the server that answers" loaded={info}>
      {({ storages = [], queue_storage }) => (
        <>
          <Table
            caption="Storages"
            columns={columns(setDrained)}
            rows={storages}
            keyOf={({ name }) => name}
          />
          {queue_storage && (
            <p class="below quiet">
              Queues, access and tasks are kept in <Plain text={queue_storage.name} /> ({queue_storage.driver}
              ).
            </p>
          )}
          {drained !== undefined && (
            <BulkAction
              title={`Drain ${drained}`}
              request={{ kind: 'drain', storage_name: drained }}
              effect="move to other storages, while producers and consumers work."
              verb="Move"
              noun="partitions"
              typed={drained}
              onClose={() => setDrained(undefined)}
              onEnd={info.reload}
            />
          )}
        </>
      )}
    </Panel>
  );
}

function columns(drain: (name: string) => void): readonly Column<ServerStorage>[] {
  return [
    { title: 'Storage', names: true, cell: ({ name }) => <Plain text={name} /> },
    { title: 'Driver', cell: ({ driver }) => <Plain text={driver} /> },
    {
      title: 'New partitions',
      cell: ({ affinity = 0, drain = false }) =>
        drain ? (
          <Badge tone="notice">none: it is drained</Badge>
        ) : affinity === 0 ? (
          <Badge tone="quiet">none: affinity 0</Badge>
        ) : (
          `affinity ${affinity}`
        ),
    },
    {
      title: 'Can keep',
      wide: true,
      cell: ({ capabilities = [] }) => <span class="quiet">{capabilities.join(', ')}</span>,
    },
    {
      title: 'Actions',
      cell: ({ name }) => <ActionButton onClick={() => drain(name)}>Drain…</ActionButton>,
    },
  ];
}

/** The storages and the servers. */
export const storagesScreen: Screen = {
  path: ['storages'],
  title: () => 'Storages and servers',
  component: StoragesScreen,
  navigation: { label: 'Storages', group: 'System' },
};
