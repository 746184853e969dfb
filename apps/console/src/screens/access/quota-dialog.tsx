import { useState } from 'preact/hooks';
import { getQuota, type LimitName, type Limits, type Quota, setQuota } from '../../api/access.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { Panel } from '../../parts/panel.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { formatBytes, formatCount } from '../../text/number.ts';

const LABELS: readonly (readonly [name: LimitName, label: string])[] = [
  ['queues', 'Queues'],
  ['partitions', 'Partitions'],
  ['items_waiting', 'Items'],
  ['bytes_waiting', 'Bytes'],
  ['requests_per_second', 'Requests a second'],
  ['items_per_second', 'Items a second'],
  ['waiting_consumers', 'Waiting consumers'],
  ['connections', 'Connections'],
];

interface Row {
  readonly name: LimitName;
  readonly label: string;
  readonly limit: number;
  readonly used: number;
}

const format = (name: LimitName, value: number) =>
  name === 'bytes_waiting' ? formatBytes(value) : formatCount(value);

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Of', names: true, cell: ({ label }) => label },
  {
    title: 'Used',
    numeric: true,
    cell: ({ name, used, limit }) =>
      limit > 0 && used >= limit ? (
        <strong class="bad">{format(name, used)}, full</strong>
      ) : (
        format(name, used)
      ),
  },
  { title: 'Limit', numeric: true, cell: ({ name, limit }) => (limit === 0 ? 'none' : format(name, limit)) },
];

const SOURCES: Readonly<Record<string, string>> = {
  stored: 'These limits were set by a call.',
  configured: 'These limits are from the configuration file.',
  default: 'These limits are the default of the configuration file for all namespaces.',
  none: 'There are no limits.',
};

/** The quota of a namespace, what is used of it, and its change. */
export function QuotaDialog({
  namespace,
  onClose,
}: {
  readonly namespace: string;
  readonly onClose: () => void;
}) {
  const quota = useCall(`quota ${namespace}`, (signal) => getQuota(namespace, signal), { every: 5_000 });
  const [isEditing, setEditing] = useState(false);
  const { data } = quota;
  if (isEditing && data !== undefined) {
    return (
      <EditDialog
        namespace={namespace}
        limits={data.limits ?? {}}
        onClose={() => setEditing(false)}
        onDone={quota.reload}
      />
    );
  }
  return (
    <Dialog title={`Quota of ${namespace}`} onClose={onClose}>
      <Panel loaded={quota}>{(quota) => <Use quota={quota} />}</Panel>
      <div class="dialog-actions">
        {data !== undefined && <ActionButton onClick={() => setEditing(true)}>Set the limits…</ActionButton>}
        <button type="button" class="primary" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function Use({ quota: { limits = {}, usage = {}, source = 'none' } }: { readonly quota: Quota }) {
  const rows = LABELS.map(([name, label]) => ({
    name,
    label,
    limit: limits[name] ?? 0,
    used: usage[name] ?? 0,
  }));
  return (
    <>
      <Table caption="Quota" columns={COLUMNS} rows={rows} keyOf={({ name }) => name} />
      <p class="below quiet">
        {SOURCES[source] ?? source} Items and bytes are of the last sample
        {usage.sample_age ? `, ${usage.sample_age} ago` : ''}; the other uses are of the server that answers,
        one of {usage.processes ?? 1} that share the limits.
      </p>
    </>
  );
}

function EditDialog({
  namespace,
  limits,
  onClose,
  onDone,
}: {
  readonly namespace: string;
  readonly limits: Limits;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const [form, setForm] = useState<Readonly<Record<string, string>>>(
    Object.fromEntries(LABELS.map(([name]) => [name, String(limits[name] ?? 0)])),
  );
  const act = async () => {
    const set = Object.fromEntries(LABELS.map(([name]) => [name, Number(form[name])]));
    await setQuota(namespace, set);
    tellDone(`The quota of ${namespace} is set.`);
    onDone();
  };
  return (
    <ConfirmDialog title={`Limits of ${namespace}`} action="Set the limits" act={act} onClose={onClose}>
      <p>0: no limit. They count on all servers, instead of those of the configuration file.</p>
      <div class="columns">
        {LABELS.map(([name, label]) => (
          <TextField
            key={name}
            label={label}
            type="number"
            value={form[name] ?? '0'}
            onChange={(value) => setForm({ ...form, [name]: value })}
          />
        ))}
      </div>
    </ConfirmDialog>
  );
}
