import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { createNamespace, deleteNamespace, listNamespaces, type Namespace } from '../../api/access.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { ExactTime, None } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { QuotaDialog } from './quota-dialog.tsx';
import { QuotaUse } from './quota-use.tsx';

type Open = { readonly what: 'create' } | { readonly what: 'quota' | 'delete'; readonly name: string };

/** Each asks for a quota. Of further namespaces the dialog shows it. */
const MOST_USES = 20;

/** The namespaces, and the quota of each. */
export function NamespacesTab() {
  const { cursor = '' } = address.value.params;
  const page = useCall(`namespaces ${cursor}`, (signal) => listNamespaces(cursor, signal));
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  return (
    <>
      <Panel
        loaded={page}
        actions={<ActionButton onClick={() => setOpen({ what: 'create' })}>Create a namespace…</ActionButton>}
      >
        {({ items = [], cursor: next }) => (
          <>
            <Table
              caption="Namespaces"
              columns={columns(setOpen, items.slice(0, MOST_USES))}
              rows={items}
              keyOf={({ name }) => name}
            />
            <Pager next={next} label="Pages of namespaces" />
          </>
        )}
      </Panel>
      {open?.what === 'quota' && (
        <QuotaDialog owner={{ namespace: open.name }} name={open.name} onClose={close} />
      )}
      {open?.what === 'create' && <CreateDialog onClose={close} onDone={page.reload} />}
      {open?.what === 'delete' && <DeleteDialog name={open.name} onClose={close} onDone={page.reload} />}
    </>
  );
}

/** @param withUse the namespaces of which the list shows how much of their quota they use. */
function columns(open: (open: Open) => void, withUse: readonly Namespace[]): readonly Column<Namespace>[] {
  return [
    { title: 'Namespace', names: true, cell: ({ name }) => <Plain text={name} /> },
    {
      title: 'Used of its quota',
      cell: (row) =>
        withUse.includes(row) ? <QuotaUse namespace={row.name} /> : <None why="press: show the quota" />,
    },
    { title: 'Description', wide: true, cell: ({ description = '' }) => <Plain text={description} /> },
    { title: 'Created', wide: true, cell: ({ created_at }) => <ExactTime at={created_at} /> },
    {
      title: 'Actions',
      cell: ({ name }) => (
        <span class="actions">
          <button type="button" onClick={() => open({ what: 'quota', name })}>
            Show the quota…
          </button>
          {name !== '_system' && (
            <ActionButton danger onClick={() => open({ what: 'delete', name })}>
              Delete…
            </ActionButton>
          )}
        </span>
      ),
    },
  ];
}

interface DialogProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function CreateDialog({ onClose, onDone }: DialogProps) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const act = async () => {
    await createNamespace({ name, description });
    tellDone(`${name} is created.`);
    onDone();
  };
  return (
    <ConfirmDialog title="Create a namespace" action="Create" act={act} onClose={onClose}>
      <TextField label="Name" value={name} required onChange={setName} />
      <TextField label="Description" value={description} onChange={setDescription} />
    </ConfirmDialog>
  );
}

function DeleteDialog({ name, onClose, onDone }: DialogProps & { readonly name: string }) {
  const act = async () => {
    await deleteNamespace(name);
    tellDone(`${name} is deleted.`);
    onDone();
  };
  return (
    <ConfirmDialog
      title={`Delete ${name}`}
      action="Delete the namespace"
      typed={name}
      danger
      act={act}
      onClose={onClose}
    >
      <p>Only a namespace without queues, roles and role bindings can be deleted.</p>
    </ConfirmDialog>
  );
}
