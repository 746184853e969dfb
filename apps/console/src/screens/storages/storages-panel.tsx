import { useState } from 'preact/hooks';
import type { StorageState, Storages } from '../../api/system.ts';
import type { Loaded } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { BulkAction } from '../../parts/bulk-action.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { formatCount } from '../../text/number.ts';

const TONES: Readonly<Record<string, Tone>> = { pass: 'good', warn: 'notice', fail: 'bad' };
const WORDS: Readonly<Record<string, string>> = { pass: 'works', warn: 'look at it', fail: 'out of service' };

/** The storages with their health, and in words what is wrong with them. */
export function StoragesPanel({ storages }: { readonly storages: Loaded<Storages> }) {
  const [drained, setDrained] = useState<string>();
  return (
    <Panel title="Storages of the server that answers" loaded={storages}>
      {({ storages: rows = [] }) => (
        <>
          <Table
            caption="Storages"
            columns={columns(setDrained)}
            rows={rows}
            keyOf={({ name }) => name}
            rowClass={({ state }) => (state === 'fail' ? 'alarm' : '')}
          />
          {rows.map((storage) => (
            <Remarks key={storage.name} storage={storage} />
          ))}
          {drained !== undefined && (
            <BulkAction
              title={`Drain ${drained}`}
              request={{ kind: 'drain', storage_name: drained }}
              effect="move to other storages, while producers and consumers work."
              verb="Move"
              noun="partitions"
              typed={drained}
              onClose={() => setDrained(undefined)}
              onEnd={storages.reload}
            />
          )}
        </>
      )}
    </Panel>
  );
}

function columns(drain: (name: string) => void): readonly Column<StorageState>[] {
  return [
    {
      title: 'Storage',
      names: true,
      cell: ({ name, keeps_queues }) => (
        <>
          <Plain text={name} /> {keeps_queues && <span class="quiet">keeps the queues</span>}
        </>
      ),
    },
    { title: 'Driver', cell: ({ driver }) => <Plain text={driver} /> },
    {
      title: 'Health',
      cell: ({ state }) => <Badge tone={TONES[state] ?? 'notice'}>{WORDS[state] ?? state}</Badge>,
    },
    { title: 'Check', numeric: true, wide: true, cell: ({ latency_ms = 0 }) => `${latency_ms} ms` },
    { title: 'Partitions', numeric: true, cell: ({ partitions = 0 }) => formatCount(partitions) },
    { title: 'New partitions', cell: (storage) => <Share storage={storage} /> },
    {
      title: 'Actions',
      // What keeps only the queues has nothing to drain.
      cell: ({ name, keeps_queues = false, partitions = 0 }) =>
        (!keeps_queues || partitions > 0) && <ActionButton onClick={() => drain(name)}>Drain…</ActionButton>,
    },
  ];
}

function Share({ storage }: { readonly storage: StorageState }) {
  const { drain = false, affinity = 0, share = 0, can_be_switched_off: isEmpty = false } = storage;
  if (isEmpty) return <Badge tone="good">empty: it can be switched off</Badge>;
  if (drain) return <Badge tone="notice">none: it drains</Badge>;
  return affinity === 0 ? <Badge tone="quiet">none: affinity 0</Badge> : <>{share} %</>;
}

/** What an operator should know of a storage, in the words of the server. */
function Remarks({ storage }: { readonly storage: StorageState }) {
  const { name, state, reasons = [], horizon = [], drain_holds: holds = [] } = storage;
  if (reasons.length + horizon.length + holds.length === 0) return null;
  return (
    <section class={`note remarks ${state === 'fail' ? 'failed' : 'notice'}`}>
      <h3>
        <Plain text={name} />
      </h3>
      <Lines lines={reasons} />
      {horizon.length > 0 && <p>It cannot remove dead rows, and leases get slower meanwhile:</p>}
      <Lines lines={horizon} />
      {holds.length > 0 && <p>It drains, and is not empty yet:</p>}
      <Lines lines={holds} />
    </section>
  );
}

function Lines({ lines }: { readonly lines: readonly string[] }) {
  return (
    <ul>
      {lines.map((line) => (
        <li key={line}>
          <Plain text={line} />
        </li>
      ))}
    </ul>
  );
}
