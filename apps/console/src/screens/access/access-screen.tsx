import { ScreenHead } from '../../parts/screen-head.tsx';
import { Tabs, tabParam } from '../../parts/tabs.tsx';
import type { Screen } from '../screen.ts';
import { BindingsTab } from './bindings-tab.tsx';
import { KeysTab } from './keys-tab.tsx';
import { NamespacesTab } from './namespaces-tab.tsx';
import { RolesTab } from './roles-tab.tsx';
import { UsersTab } from './users-tab.tsx';

const TABS = [
  { name: 'users', label: 'Users' },
  { name: 'keys', label: 'API keys' },
  { name: 'roles', label: 'Roles' },
  { name: 'bindings', label: 'Bindings' },
  { name: 'namespaces', label: 'Namespaces and quotas' },
];

function AccessScreen() {
  const tab = tabParam(TABS);
  return (
    <>
      <ScreenHead title="Access">
        A user has API keys. A binding gives a user a role in one namespace.
      </ScreenHead>
      <Tabs tabs={TABS} label="Parts of access control" />
      {tab === 'users' && <UsersTab />}
      {tab === 'keys' && <KeysTab />}
      {tab === 'roles' && <RolesTab />}
      {tab === 'bindings' && <BindingsTab />}
      {tab === 'namespaces' && <NamespacesTab />}
    </>
  );
}

/** Users, keys, roles, bindings, namespaces and quotas. */
export const accessScreen: Screen = {
  path: ['access'],
  title: () => 'Access',
  component: AccessScreen,
  navigation: { label: 'Access', group: 'People' },
};
