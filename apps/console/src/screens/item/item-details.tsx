import type { ComponentChildren } from 'preact';
import { formatAddress } from '../../address/address-text.ts';
import type { Item, ItemSource } from '../../api/item.ts';
import { Facts } from '../../parts/facts.tsx';
import { ExactTime, None } from '../../parts/moment.tsx';
import { Plain } from '../../parts/plain.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { formatBytes } from '../../text/number.ts';
import { ItemDue, ItemState } from '../items/item-state.tsx';

type Fact = readonly [name: string, value: ComponentChildren];

const text = (value: string | undefined) => (value ? <Plain text={value} /> : <None />);

/** What is known of an item, but for its payload. */
export function ItemDetails({ item }: { readonly item: Item }) {
  const { error, metadata = {}, source } = item;
  const pairs = Object.entries(metadata);
  return (
    <>
      <Facts facts={factsOf(item)} />
      {error && <ErrorText title="Last error" error={error} />}
      {source !== undefined && <Source source={source} />}
      {pairs.length > 0 && (
        <section class="part">
          <h2>Metadata</h2>
          <Table caption="Metadata" columns={METADATA} rows={pairs} keyOf={([key]) => key} />
        </section>
      )}
    </>
  );
}

const METADATA: readonly Column<readonly [string, string]>[] = [
  { title: 'Key', names: true, cell: ([key]) => <Plain text={key} /> },
  { title: 'Value', cell: ([, value]) => <Plain text={value} limit={4_096} /> },
];

function factsOf(item: Item): readonly Fact[] {
  const { attempts = 0, max_attempts: most = 0, payload_size: size = 0 } = item;
  return [
    ['State', <ItemState state={item.state} />],
    ['Next', <ItemDue item={item} />],
    ['Attempts', most === 0 ? attempts : `${attempts} of ${most}`],
    ['Kind', text(item.kind)],
    ['Reference', text(item.reference)],
    ['Encoding', text(item.encoding)],
    ['Entered the queue', <ExactTime at={item.created_at} />],
    ['Expires', <ExactTime at={item.expire_deadline} />],
    ...(item.state === 'leased' ? [['Lease ends', <ExactTime at={item.lease_deadline} />] as const] : []),
    ...(item.state === 'scheduled' ? [['Available', <ExactTime at={item.enqueue_at} />] as const] : []),
    ...(item.reason ? [['Died of', text(item.reason)] as const] : []),
    ['Partition', item.partition ?? 0],
    ['First id', item.first_id ? <code>{item.first_id}</code> : <None why="not shown" />],
    ['Payload', formatBytes(size)],
  ];
}

/** Where a dead letter came from, and what it died of. */
function Source({ source }: { readonly source: ItemSource }) {
  const { queue, id, error } = source;
  return (
    <section class="part">
      <h2>Where it died</h2>
      <Facts
        facts={[
          ['Queue', queue ? <QueueItems queue={queue} /> : <None />],
          ['Why', text(source.reason)],
          ['Died', <ExactTime at={source.died_at} />],
          ['Attempts in all', source.attempts ?? 0],
          ['Entered that queue', <ExactTime at={source.produced_at} />],
          ['Partition', source.partition ?? 0],
          ['Id there', id ? <code>{id}</code> : <None />],
        ]}
      />
      {error && <ErrorText title="The error that it died with" error={error} />}
    </section>
  );
}

function QueueItems({ queue }: { readonly queue: string }) {
  return (
    <a href={formatAddress(['queues', queue, 'items'])}>
      <Plain text={queue} />
    </a>
  );
}

function ErrorText({ title, error }: { readonly title: string; readonly error: string }) {
  return (
    <div class="note failed part">
      <h3>{title}</h3>
      <Plain text={error} lines limit={2_048} />
    </div>
  );
}
