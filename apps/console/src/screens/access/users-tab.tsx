import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
import { createUser, deleteUser, listUsers, type User } from '../../api/access.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { ExactTime } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';

/** The users. */
export function UsersTab() {
  const { cursor = '' } = address.value.params;
  const page = useCall(`users ${cursor}`, (signal) => listUsers(cursor, signal));
  const [isCreating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<User>();
  return (
    <Panel
      loaded={page}
      actions={<ActionButton onClick={() => setCreating(true)}>Create a user…</ActionButton>}
    >
      {({ items = [], cursor: next }) => (
        <>
          <Table
            caption="Users"
            columns={columns(setDeleting)}
            rows={items}
            keyOf={({ id }) => id}
            empty="No users."
          />
          <Pager next={next} label="Pages of users" />
          {isCreating && <CreateDialog onClose={() => setCreating(false)} onDone={page.reload} />}
          {deleting && (
            <ConfirmDialog
              title={`Delete ${deleting.username}`}
              action="Delete the user"
              typed={deleting.username}
              danger
              onClose={() => setDeleting(undefined)}
              act={async () => {
                await deleteUser(deleting.id);
                tellDone(`${deleting.username} is deleted.`);
                page.reload();
              }}
            >
              <p>
                The API keys and role bindings of the user are deleted too. Programs with these keys are
                refused.
              </p>
            </ConfirmDialog>
          )}
        </>
      )}
    </Panel>
  );
}

function columns(remove: (user: User) => void): readonly Column<User>[] {
  return [
    { title: 'User', names: true, cell: ({ username }) => <Plain text={username} /> },
    { title: 'E-mail', wide: true, cell: ({ email = '' }) => <Plain text={email} /> },
    { title: 'Id', cell: ({ id }) => <code>{id}</code> },
    { title: 'Created', wide: true, cell: ({ created_at }) => <ExactTime at={created_at} /> },
    {
      title: 'Actions',
      cell: (user) => (
        <span class="actions">
          <a href={formatAddress(['access'], { tab: 'keys', user: user.id })}>Keys</a>
          <ActionButton danger onClick={() => remove(user)}>
            Delete…
          </ActionButton>
        </span>
      ),
    },
  ];
}

function CreateDialog({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: () => void }) {
  const [username, setUsername] = useState('');
  const [email, setEmail] = useState('');
  const act = async () => {
    await createUser({ username, email });
    tellDone(`${username} is created.`);
    onDone();
  };
  return (
    <ConfirmDialog title="Create a user" action="Create" act={act} onClose={onClose}>
      <TextField label="Name" value={username} required onChange={setUsername} />
      <TextField label="E-mail" value={email} onChange={setEmail} />
      <p class="quiet">A user may do nothing until a role is bound, and needs an API key.</p>
    </ConfirmDialog>
  );
}
