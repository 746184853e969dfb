import { useState } from 'preact/hooks';
import {
  getQuota,
  type LimitName,
  type Limits,
  type Quota,
  type QuotaOwner,
  setQuota,
} from '../../api/access.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { None } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { formatLimit, LIMIT_LABELS } from './limit-labels.ts';

interface Row {
  readonly name: LimitName;
  readonly label: string;
  readonly limit: number;
  /** Undefined: it is not counted. */
  readonly used: number | undefined;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Of', names: true, cell: ({ label }) => label },
  {
    title: 'Used',
    numeric: true,
    cell: ({ name, used, limit }) =>
      used === undefined ? (
        <None why="not counted" />
      ) : limit > 0 && used >= limit ? (
        <strong class="bad">{formatLimit(name, used)}, full</strong>
      ) : (
        formatLimit(name, used)
      ),
  },
  {
    title: 'Limit',
    numeric: true,
    cell: ({ name, limit }) => (limit === 0 ? 'none' : formatLimit(name, limit)),
  },
];

const SOURCES: Readonly<Record<string, string>> = {
  stored: 'These limits were set by a call.',
  configured: 'These limits are from the configuration file.',
  default: 'These limits are the default of the configuration file for all namespaces.',
  none: 'There are no limits.',
};

interface QuotaProps {
  readonly owner: QuotaOwner;
  /** Of what it is, for people. */
  readonly name: string;
  readonly onClose: () => void;
}

/** The quota of a namespace or a key, what is used of it, and its change. */
export function QuotaDialog({ owner, name, onClose }: QuotaProps) {
  const quota = useCall(`quota ${JSON.stringify(owner)}`, (signal) => getQuota(owner, signal), {
    every: 5_000,
  });
  const [isEditing, setEditing] = useState(false);
  const { data } = quota;
  if (isEditing && data !== undefined) {
    return (
      <EditDialog
        owner={owner}
        name={name}
        limits={data.limits ?? {}}
        onClose={() => setEditing(false)}
        onDone={quota.reload}
      />
    );
  }
  return (
    <Dialog title={`Quota of ${name}`} onClose={onClose}>
      <Panel loaded={quota}>{(quota) => <Use quota={quota} isOfKey={'key_id' in owner} />}</Panel>
      <div class="dialog-actions">
        {data !== undefined && <ActionButton onClick={() => setEditing(true)}>Set the limits…</ActionButton>}
        <button type="button" class="primary" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

/** What is counted for a namespace only. A key is compared with what its namespace holds. */
const OF_NAMESPACE = new Set<LimitName>(['queues', 'partitions', 'items_waiting', 'bytes_waiting']);

function Use({
  quota: { limits = {}, usage = {}, source = 'none' },
  isOfKey,
}: {
  readonly quota: Quota;
  readonly isOfKey: boolean;
}) {
  const hasLimits = Object.values(limits).some((limit) => limit > 0);
  const isCounted = (name: LimitName) => (OF_NAMESPACE.has(name) ? !isOfKey : hasLimits);
  const rows = LIMIT_LABELS.map(([name, label]) => ({
    name,
    label,
    limit: limits[name] ?? 0,
    used: isCounted(name) ? (usage[name] ?? 0) : undefined,
  }));
  return (
    <>
      <Table caption="Quota" columns={COLUMNS} rows={rows} keyOf={({ name }) => name} />
      <p class="below quiet">
        {SOURCES[source] ?? source}{' '}
        {isOfKey
          ? 'The first four limits are compared with what the namespace of a call holds. The uses are'
          : `Items and bytes are of the last sample${usage.sample_age ? `, ${usage.sample_age} ago` : ''}; the other uses are`}{' '}
        of the server that answers, one of {usage.processes ?? 1} that share the limits.
        {!hasLimits &&
          ' It counts requests, items a second, consumers and connections once there is a limit.'}
      </p>
    </>
  );
}

function EditDialog({
  owner,
  name,
  limits,
  onClose,
  onDone,
}: QuotaProps & { readonly limits: Limits; readonly onDone: () => void }) {
  const [form, setForm] = useState<Readonly<Record<string, string>>>(
    Object.fromEntries(LIMIT_LABELS.map(([field]) => [field, String(limits[field] ?? 0)])),
  );
  const act = async () => {
    const set = Object.fromEntries(LIMIT_LABELS.map(([field]) => [field, Number(form[field])]));
    await setQuota(owner, set);
    tellDone(`The quota of ${name} is set.`);
    onDone();
  };
  return (
    <ConfirmDialog title={`Limits of ${name}`} action="Set the limits" act={act} onClose={onClose}>
      <p>0: no limit. They count on all servers, instead of those of the configuration file.</p>
      <div class="columns">
        {LIMIT_LABELS.map(([field, label]) => (
          <TextField
            key={field}
            label={label}
            type="number"
            value={form[field] ?? '0'}
            onChange={(value) => setForm({ ...form, [field]: value })}
          />
        ))}
      </div>
    </ConfirmDialog>
  );
}
