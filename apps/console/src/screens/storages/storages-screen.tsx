import { type Instance, listInstances } from '../../api/system.ts';
import { useCall } from '../../api/use-call.ts';
import { Badge } from '../../parts/badge.tsx';
import { Moment } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import type { Screen } from '../screen.ts';

const INSTANCES: readonly Column<Instance>[] = [
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
  { title: 'Storages', wide: true, cell: ({ storages = [] }) => storages.map(({ name }) => name).join(', ') },
];

function StoragesScreen() {
  const instances = useCall('instances', listInstances, { every: 5_000 });
  return (
    <>
      <ScreenHead title="Storages and servers" />
      <Panel title="Servers" loaded={instances}>
        {({ instances = [] }) => (
          <Table caption="Servers" columns={INSTANCES} rows={instances} keyOf={({ id }) => id} />
        )}
      </Panel>
    </>
  );
}

/** The storages and the servers. */
export const storagesScreen: Screen = {
  path: ['storages'],
  title: () => 'Storages and servers',
  component: StoragesScreen,
  navigation: { label: 'Storages', group: 'System' },
};
