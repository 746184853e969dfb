import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { listNamespaces, type Namespace } from '../../api/access.ts';
import { useCall } from '../../api/use-call.ts';
import { ExactTime } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { QuotaDialog } from './quota-dialog.tsx';

/** The namespaces, and the quota of each. */
export function NamespacesTab() {
  const { cursor = '' } = address.value.params;
  const page = useCall(`namespaces ${cursor}`, (signal) => listNamespaces(cursor, signal));
  const [shown, setShown] = useState<string>();
  return (
    <Panel loaded={page}>
      {({ items = [], cursor: next }) => (
        <>
          <Table caption="Namespaces" columns={columns(setShown)} rows={items} keyOf={({ name }) => name} />
          <Pager next={next} label="Pages of namespaces" />
          {shown !== undefined && <QuotaDialog namespace={shown} onClose={() => setShown(undefined)} />}
        </>
      )}
    </Panel>
  );
}

function columns(show: (namespace: string) => void): readonly Column<Namespace>[] {
  return [
    { title: 'Namespace', names: true, cell: ({ name }) => <Plain text={name} /> },
    { title: 'Description', cell: ({ description = '' }) => <Plain text={description} /> },
    { title: 'Created', wide: true, cell: ({ created_at }) => <ExactTime at={created_at} /> },
    {
      title: 'Quota',
      cell: ({ name }) => (
        <button type="button" onClick={() => show(name)}>
          Show the quota…
        </button>
      ),
    },
  ];
}
