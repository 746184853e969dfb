import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { type ApiKey, createKey, deleteKey, listKeys, type NewKey, rotateKey } from '../../api/access.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { Moment } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { NewKeyDialog } from './new-key-dialog.tsx';
import { QuotaDialog } from './quota-dialog.tsx';

type Open =
  | { readonly what: 'create' }
  | { readonly what: 'rotate' | 'delete' | 'quota'; readonly apiKey: ApiKey };

/** The API keys, of all users or of one. */
export function KeysTab() {
  const { cursor = '', user = '' } = address.value.params;
  const page = useCall(`keys ${user} ${cursor}`, (signal) => listKeys(user, cursor, signal));
  const [open, setOpen] = useState<Open>();
  const [made, setMade] = useState<NewKey>();
  const close = () => setOpen(undefined);
  const show = (key: NewKey) => {
    setMade(key);
    page.reload();
  };
  return (
    <>
      <FilterBar label="Filter the keys" fields={[{ name: 'user', label: 'Id of the user' }]} />
      <Panel
        loaded={page}
        actions={<ActionButton onClick={() => setOpen({ what: 'create' })}>Create a key…</ActionButton>}
      >
        {({ items = [], cursor: next }) => (
          <>
            <Table
              caption="API keys"
              columns={columns(setOpen)}
              rows={items}
              keyOf={({ id }) => id}
              empty="No keys."
            />
            <Pager next={next} label="Pages of keys" />
          </>
        )}
      </Panel>
      {open?.what === 'create' && <CreateDialog user={user} onClose={close} onMade={show} />}
      {open?.what === 'quota' && (
        <QuotaDialog
          owner={{ key_id: open.apiKey.id }}
          name={open.apiKey.name || open.apiKey.prefix || open.apiKey.id}
          onClose={close}
        />
      )}
      {open?.what === 'rotate' && <RotateDialog apiKey={open.apiKey} onClose={close} onMade={show} />}
      {open?.what === 'delete' && <DeleteDialog apiKey={open.apiKey} onClose={close} onDone={page.reload} />}
      {made && <NewKeyDialog made={made} onClose={() => setMade(undefined)} />}
    </>
  );
}

function columns(open: (open: Open) => void): readonly Column<ApiKey>[] {
  return [
    { title: 'Begins with', names: true, cell: ({ prefix = '' }) => <code>{prefix}…</code> },
    { title: 'Label', cell: ({ name = '' }) => <Plain text={name} /> },
    { title: 'User', wide: true, cell: ({ user_id }) => <code>{user_id}</code> },
    {
      title: 'Valid in',
      cell: ({ namespace_scope: scope = '' }) => (scope === '' ? 'all namespaces' : <Plain text={scope} />),
    },
    { title: 'Expires', cell: ({ expires_at }) => (expires_at ? <Moment at={expires_at} /> : 'never') },
    {
      title: 'Last used',
      cell: ({ last_used_at }) => (last_used_at ? <Moment at={last_used_at} /> : 'never'),
    },
    {
      title: 'Actions',
      cell: (apiKey) => (
        <span class="actions">
          <button type="button" onClick={() => open({ what: 'quota', apiKey })}>
            Quota…
          </button>
          <ActionButton onClick={() => open({ what: 'rotate', apiKey })}>Rotate…</ActionButton>
          <ActionButton danger onClick={() => open({ what: 'delete', apiKey })}>
            Delete…
          </ActionButton>
        </span>
      ),
    },
  ];
}

interface MadeProps {
  readonly onClose: () => void;
  readonly onMade: (key: NewKey) => void;
}

function CreateDialog({ user, onClose, onMade }: MadeProps & { readonly user: string }) {
  const [userId, setUserId] = useState(user);
  const [name, setName] = useState('');
  const [scope, setScope] = useState('');
  const [expires, setExpires] = useState('');
  const act = async () => {
    const end = expires === '' ? {} : { expires_at: new Date(expires).toISOString() };
    onMade(await createKey({ user_id: userId, name, namespace_scope: scope, ...end }));
  };
  return (
    <ConfirmDialog title="Create an API key" action="Create" act={act} onClose={onClose}>
      <TextField label="Id of the user" value={userId} required onChange={setUserId} />
      <TextField label="Label" value={name} onChange={setName} />
      <TextField label="Only namespace" value={scope} hint="Empty: valid in all" onChange={setScope} />
      <TextField
        label="Expires"
        type="datetime-local"
        value={expires}
        hint="Empty: never"
        onChange={setExpires}
      />
    </ConfirmDialog>
  );
}

function RotateDialog({ apiKey, onClose, onMade }: MadeProps & { readonly apiKey: ApiKey }) {
  const [grace, setGrace] = useState('24h');
  const act = async () => onMade(await rotateKey(apiKey.id, grace));
  return (
    <ConfirmDialog
      title={`Rotate the key ${apiKey.prefix ?? ''}…`}
      action="Rotate"
      act={act}
      onClose={onClose}
    >
      <p>The key gets a new secret. The present one stays valid for the time of grace.</p>
      <TextField
        label="Time of grace"
        value={grace}
        hint="A duration, 0s to 720h"
        required
        onChange={setGrace}
      />
    </ConfirmDialog>
  );
}

function DeleteDialog({
  apiKey,
  onClose,
  onDone,
}: {
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const act = async () => {
    await deleteKey(apiKey.id);
    tellDone('The key is deleted.');
    onDone();
  };
  const prefix = apiKey.prefix ?? apiKey.id;
  return (
    <ConfirmDialog
      title={`Delete the key ${prefix}…`}
      action="Delete the key"
      typed={prefix}
      danger
      act={act}
      onClose={onClose}
    >
      <p>Programs that use it are refused within a second.</p>
    </ConfirmDialog>
  );
}
