import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { deleteRole, listRoles, type Role, saveRole } from '../../api/access.ts';
import { session } from '../../api/session.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { CheckField, TextField } from '../../parts/fields.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { PERMISSIONS } from './permissions.ts';

type Open = { readonly what: 'edit' | 'delete'; readonly role: Role } | { readonly what: 'create' };

/** The roles of every server. They cannot be changed. */
const FIXED = new Set(['Admin', 'NamespaceOwner', 'PublicViewer']);

/** The roles of a namespace. */
export function RolesTab() {
  const { cursor = '', namespace = session.value.scope } = address.value.params;
  const page = useCall(`roles ${namespace} ${cursor}`, (signal) => listRoles(namespace, cursor, signal));
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  return (
    <>
      <FilterBar
        label="Filter the roles"
        fields={[{ name: 'namespace', label: 'Namespace', placeholder: '_system' }]}
      />
      <Panel
        loaded={page}
        actions={<ActionButton onClick={() => setOpen({ what: 'create' })}>Create a role…</ActionButton>}
      >
        {({ items = [], cursor: next }) => (
          <>
            <Table
              caption="Roles"
              columns={columns(setOpen)}
              rows={items}
              keyOf={({ id }) => id}
              empty="No roles."
            />
            <Pager next={next} label="Pages of roles" />
          </>
        )}
      </Panel>
      {open?.what === 'create' && <RoleDialog namespace={namespace} onClose={close} onDone={page.reload} />}
      {open?.what === 'edit' && (
        <RoleDialog namespace={open.role.namespace} role={open.role} onClose={close} onDone={page.reload} />
      )}
      {open?.what === 'delete' && (
        <ConfirmDialog
          title={`Delete the role ${open.role.name}`}
          action="Delete the role"
          typed={open.role.name}
          danger
          onClose={close}
          act={async () => {
            await deleteRole(open.role);
            tellDone(`The role ${open.role.name} is deleted.`);
            page.reload();
          }}
        >
          <p>A role with bindings is not deleted.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function columns(open: (open: Open) => void): readonly Column<Role>[] {
  return [
    { title: 'Role', names: true, cell: ({ name }) => <Plain text={name} /> },
    { title: 'Namespace', cell: ({ namespace }) => <Plain text={namespace} /> },
    { title: 'Permissions', cell: ({ permissions = [] }) => <Permissions permissions={permissions} /> },
    {
      title: 'Actions',
      cell: (role) =>
        FIXED.has(role.name) && role.namespace === '_system' ? (
          <span class="quiet">fixed</span>
        ) : (
          <span class="actions">
            <ActionButton onClick={() => open({ what: 'edit', role })}>Edit…</ActionButton>
            <ActionButton danger onClick={() => open({ what: 'delete', role })}>
              Delete…
            </ActionButton>
          </span>
        ),
    },
  ];
}

function Permissions({ permissions }: { readonly permissions: readonly string[] }) {
  if (permissions.length === PERMISSIONS.length) return <>all</>;
  if (permissions.length <= 4) return <>{permissions.join(', ')}</>;
  return (
    <details>
      <summary>{permissions.length} permissions</summary>
      {permissions.join(', ')}
    </details>
  );
}

function RoleDialog({
  namespace,
  role,
  onClose,
  onDone,
}: {
  readonly namespace: string;
  readonly role?: Role;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const [name, setName] = useState(role?.name ?? '');
  const [chosen, setChosen] = useState<readonly string[]>(role?.permissions ?? []);
  const isNew = role === undefined;
  const act = async () => {
    await saveRole({ namespace: namespace || '_system', name, permissions: chosen }, isNew);
    tellDone(`The role ${name} is ${isNew ? 'created' : 'changed'}.`);
    onDone();
  };
  const toggle = (permission: string, isChosen: boolean) =>
    setChosen(isChosen ? [...chosen, permission] : chosen.filter((each) => each !== permission));
  return (
    <ConfirmDialog
      title={isNew ? 'Create a role' : `Permissions of ${name}`}
      action={isNew ? 'Create' : 'Save the changes'}
      act={act}
      onClose={onClose}
    >
      {isNew && <TextField label="Name" value={name} required onChange={setName} />}
      {!isNew && <p>The change counts for everybody who has this role, within a second.</p>}
      <fieldset class="permissions">
        <legend>Permissions in {namespace || '_system, which count in all namespaces'}</legend>
        {PERMISSIONS.map((permission) => (
          <CheckField
            key={permission}
            label={permission}
            checked={chosen.includes(permission)}
            onChange={(isChosen) => toggle(permission, isChosen)}
          />
        ))}
      </fieldset>
    </ConfirmDialog>
  );
}
