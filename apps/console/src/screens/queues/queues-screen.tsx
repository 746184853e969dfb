import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { listQueues, type QueueListRequest, type QueueRow } from '../../api/queue-list.ts';
import { session } from '../../api/session.ts';
import { useCall } from '../../api/use-call.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { setSort, sortParam } from '../../parts/sort-param.ts';
import { Table } from '../../parts/table.tsx';
import { countOf } from '../../text/number.ts';
import { QuotaNote } from '../queue/quota-note.tsx';
import type { Screen } from '../screen.ts';
import { CreateQueueDialog } from './create-queue-dialog.tsx';
import { queueColumns } from './queue-columns.tsx';

const PAGE = 50;
const EVERY_MS = 5_000;
/** A server that has just begun to count has its first counts soon. */
const UNTIL_COUNTED_MS = 1_000;

function QueuesScreen() {
  const { namespace = session.value.scope, filter = '', cursor = '' } = address.value.params;
  const sort = sortParam({ by: 'name', direction: 'up' });
  const [isCreating, setCreating] = useState(false);
  const request = {
    namespace,
    filter,
    sort: sort.by,
    descending: sort.direction === 'down',
    limit: PAGE,
    cursor,
  };
  const page = useCall(`queues ${JSON.stringify(request)}`, (signal) => listQueues(request, signal), {
    every: ({ items = [] }) =>
      items.some(({ count_age }) => count_age === undefined) ? UNTIL_COUNTED_MS : EVERY_MS,
  });
  const total = page.data?.total;
  return (
    <>
      <ScreenHead
        title="Queues"
        actions={<ActionButton onClick={() => setCreating(true)}>Create a queue…</ActionButton>}
      >
        {total !== undefined &&
          countOf(
            total,
            filter === '' ? 'queue' : 'queue matches',
            filter === '' ? 'queues' : 'queues match',
          )}
      </ScreenHead>
      <FilterBar
        label="Filter the queues"
        fields={[
          { name: 'filter', label: 'Name contains', placeholder: 'orders' },
          { name: 'namespace', label: 'Namespace', placeholder: 'all that you may see' },
        ]}
      />
      <Panel loaded={page}>
        {({ items = [], cursor: next }) => (
          <>
            {namespacesOf(items).map((each) => (
              <QuotaNote key={each} namespace={each} />
            ))}
            <Uncounted rows={items} isByName={sort.by === 'name'} />
            <Table
              caption="Queues"
              columns={queueColumns(page.readAt)}
              rows={items}
              keyOf={({ queue_name }) => queue_name}
              sort={sort}
              onSort={setSort}
              empty={emptyText({ filter, namespace, cursor })}
            />
            <Pager next={next} label="Pages of queues" />
          </>
        )}
      </Panel>
      {isCreating && (
        <CreateQueueDialog namespace={namespace} onClose={() => setCreating(false)} onDone={page.reload} />
      )}
    </>
  );
}

/** Each asks for the quota of a namespace. */
const MOST_NAMESPACES = 5;

/** The namespaces of the queues of a page, those with most of them first. */
function namespacesOf(rows: readonly QueueRow[]): readonly string[] {
  const groups = [...Map.groupBy(rows, ({ namespace = '_system' }) => namespace)];
  return groups
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, MOST_NAMESPACES)
    .map(([name]) => name);
}

function emptyText({
  filter,
  namespace,
  cursor,
}: Pick<QueueListRequest, 'filter' | 'namespace' | 'cursor'>): string {
  if (cursor !== '') return 'No queues follow.';
  const where = namespace === '' ? '' : ' in this namespace';
  return filter === '' ? `No queues${where}.` : `No queue${where} has this in its name.`;
}

/** Says that the page will change, and why its order may surprise. */
function Uncounted({ rows, isByName }: { readonly rows: readonly QueueRow[]; readonly isByName: boolean }) {
  const count = rows.filter(({ count_age }) => count_age === undefined).length;
  if (count === 0) return null;
  return (
    <p class="quiet">
      {count === rows.length
        ? 'The server has just begun to count. The first counts come soon.'
        : `${countOf(count, 'queue', 'queues')} of this page ${count === 1 ? 'was' : 'were'} not counted yet.`}
      {!isByName && ' Queues without a count come last in this order.'}
    </p>
  );
}

/** All queues. */
export const queuesScreen: Screen = {
  path: ['queues'],
  title: () => 'Queues',
  component: QueuesScreen,
  navigation: { label: 'Queues', group: 'Work' },
};
