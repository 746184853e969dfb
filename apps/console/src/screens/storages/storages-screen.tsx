import { listInstances, listStorages } from '../../api/system.ts';
import { useCall } from '../../api/use-call.ts';
import { ScreenHead } from '../../parts/screen-head.tsx';
import type { Screen } from '../screen.ts';
import { ServersPanel } from './servers-panel.tsx';
import { StoragesPanel } from './storages-panel.tsx';

function StoragesScreen() {
  const storages = useCall('storages', listStorages, { every: 10_000 });
  const instances = useCall('instances', listInstances, { every: 5_000 });
  return (
    <>
      <ScreenHead title="Storages and servers" />
      <StoragesPanel storages={storages} />
      <ServersPanel instances={instances} />
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
