import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import {
  type Binding,
  createBinding,
  deleteBinding,
  listBindings,
  listRoles,
  listUsers,
  rowsOf,
} from '../../api/access.ts';
import { session } from '../../api/session.ts';
import type { Page } from '../../api/types.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { ExactTime } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';

/** A binding with the names of its role and user. */
interface NamedBinding extends Binding {
  /** Undefined: it is not known, and the binding cannot be removed here. */
  readonly role: string | undefined;
  readonly user: string | undefined;
}

/** The key may not read them. */
const unread = (): ReadonlyMap<string, never> => new Map<string, never>();

/** Bindings name users and roles by their ids. Names are read beside them, as far as the key may. */
async function namedBindings(
  namespace: string,
  first: string,
  signal: AbortSignal,
): Promise<Page<NamedBinding>> {
  const { items = [], ...page } = await listBindings(namespace, first, signal);
  const listOwn = (from: string) => listRoles(namespace, from, signal);
  const listFixed = (from: string) => listRoles('_system', from, signal);
  const roleIds = items.map(({ role_id }) => role_id);
  const [users, own, fixed] = await Promise.all([
    rowsOf(
      items.map(({ user_id }) => user_id),
      listUsers,
      signal,
    ).catch(unread),
    rowsOf(roleIds, listOwn, signal).catch(unread),
    rowsOf(roleIds, listFixed, signal).catch(unread),
  ]);
  const named = items.map((binding) => ({
    ...binding,
    role: (own.get(binding.role_id) ?? fixed.get(binding.role_id))?.name,
    user: users.get(binding.user_id)?.username,
  }));
  return { ...page, items: named };
}

/** Who has which role in a namespace. */
export function BindingsTab() {
  const { cursor = '', namespace = session.value.scope } = address.value.params;
  const page = useCall(`bindings ${namespace} ${cursor}`, (signal) =>
    namedBindings(namespace, cursor, signal),
  );
  const [isCreating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<NamedBinding>();
  return (
    <>
      <FilterBar
        label="Filter the bindings"
        fields={[{ name: 'namespace', label: 'Namespace', placeholder: '_system' }]}
      />
      <Panel
        loaded={page}
        actions={<ActionButton onClick={() => setCreating(true)}>Bind a role…</ActionButton>}
      >
        {({ items = [], cursor: next }) => (
          <>
            <Table
              caption="Role bindings"
              columns={columns(setDeleting)}
              rows={items}
              keyOf={({ id }) => id}
              empty="No bindings in this namespace."
            />
            <Pager next={next} label="Pages of bindings" />
          </>
        )}
      </Panel>
      {isCreating && (
        <CreateDialog namespace={namespace} onClose={() => setCreating(false)} onDone={page.reload} />
      )}
      {deleting?.role !== undefined && (
        <DeleteDialog
          binding={deleting}
          role={deleting.role}
          onClose={() => setDeleting(undefined)}
          onDone={page.reload}
        />
      )}
    </>
  );
}

function columns(remove: (binding: NamedBinding) => void): readonly Column<NamedBinding>[] {
  return [
    {
      title: 'User',
      names: true,
      cell: ({ user, user_id }) => (user === undefined ? <code>{user_id}</code> : <Plain text={user} />),
    },
    {
      title: 'Role',
      cell: ({ role, role_id }) => (role === undefined ? <code>{role_id}</code> : <Plain text={role} />),
    },
    { title: 'Namespace', cell: ({ namespace }) => <Plain text={namespace} /> },
    { title: 'Created', wide: true, cell: ({ created_at }) => <ExactTime at={created_at} /> },
    {
      title: 'Actions',
      cell: (binding) =>
        binding.role !== undefined && (
          <ActionButton danger onClick={() => remove(binding)}>
            Remove…
          </ActionButton>
        ),
    },
  ];
}

interface DialogProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function CreateDialog({ namespace, onClose, onDone }: DialogProps & { readonly namespace: string }) {
  const [place, setPlace] = useState(namespace || '_system');
  const [role, setRole] = useState('');
  const [user, setUser] = useState('');
  const act = async () => {
    await createBinding({ namespace: place, role_name: role, user_id: user });
    tellDone('The role is bound.');
    onDone();
  };
  return (
    <ConfirmDialog title="Bind a role" action="Bind" act={act} onClose={onClose}>
      <TextField label="Id of the user" value={user} required onChange={setUser} />
      <TextField
        label="Role"
        value={role}
        hint="Admin, NamespaceOwner, PublicViewer, or one of the namespace"
        required
        onChange={setRole}
      />
      <TextField
        label="Namespace"
        value={place}
        hint="A role in _system counts in every namespace"
        required
        onChange={setPlace}
      />
    </ConfirmDialog>
  );
}

function DeleteDialog({
  binding,
  role,
  onClose,
  onDone,
}: DialogProps & { readonly binding: NamedBinding; readonly role: string }) {
  const { namespace, user_id } = binding;
  const act = async () => {
    await deleteBinding({ namespace, role_name: role, user_id });
    tellDone('The role is taken away.');
    onDone();
  };
  const user = binding.user ?? user_id;
  return (
    <ConfirmDialog
      title={`Take ${role} from ${user}`}
      action="Take it away"
      danger
      act={act}
      onClose={onClose}
    >
      <p>
        <Plain text={user} /> loses the role <Plain text={role} /> in <Plain text={namespace} />, on all
        servers within a second.
      </p>
    </ConfirmDialog>
  );
}
