import { useState } from 'preact/hooks';
import { address, withParams } from '../../address/address.ts';
import type { ItemsFilter } from '../../api/item.ts';
import { describeQueue, type QueueDescription } from '../../api/queues.ts';
import { type Loaded, useCall } from '../../api/use-call.ts';
import { useWalk } from '../../api/use-walk.ts';
import { Age } from '../../parts/age.tsx';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ReadOnlyNote } from '../../parts/read-only-note.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { WalkProgress } from '../../parts/walk-progress.tsx';
import { formatCount } from '../../text/number.ts';
import type { PathValues, Screen } from '../screen.ts';
import { EndLeases } from './end-leases.tsx';
import { FilterForm } from './filter-form.tsx';
import { pageOfItems } from './found-items.ts';
import { Groups } from './groups.tsx';
import { ITEM_STATES } from './item-state.tsx';
import { ItemTable } from './item-table.tsx';
import { ItemWorkButtons } from './item-work.tsx';
import { ItemsPager } from './items-pager.tsx';
import { QueueLinks } from './queue-links.tsx';
import { useFilter } from './use-filter.ts';

/** How many items a page has. */
const PAGE_SIZE = 50;
const GROUPINGS = ['kind', 'error', 'state', 'source_queue', 'reason'];

function ItemsScreen({ values: { queue = '' } }: { readonly values: PathValues }) {
  const { filter, fault } = { fault: undefined, filter: undefined, ...useFilter() };
  const contents = useCall(`contents ${queue}`, (signal) => describeQueue(queue, signal), { every: 5_000 });
  const info = contents.data?.queue;
  const title = (
    <>
      Items of <Plain text={queue} />
    </>
  );
  return (
    <>
      <ScreenHead title={title}>
        <QueueLinks
          queue={queue}
          present="items"
          deadQueue={info?.dead_queue}
          namespace={info && (info.namespace ?? '_system')}
        />
      </ScreenHead>
      <States contents={contents} />
      <FilterForm />
      {filter === undefined ? (
        <p class="note failed">{fault}</p>
      ) : (
        <Found queue={queue} filter={filter} contents={contents} />
      )}
    </>
  );
}

/** One page of what a filter finds, and what can be done with all of it. */
function Found({
  queue,
  filter,
  contents,
}: {
  readonly queue: string;
  readonly filter: ItemsFilter;
  readonly contents: Loaded<QueueDescription>;
}) {
  const { cursor = '', read = '' } = address.value.params;
  const before = Number(read) || 0;
  const walk = useWalk(
    JSON.stringify([queue, filter, cursor]),
    pageOfItems({ queue, filter, start: cursor, size: PAGE_SIZE }),
  );
  const [turn, setTurn] = useState(0);
  const reload = () => {
    setTurn(turn + 1);
    walk.restart();
    contents.reload();
  };
  const total = filter.ids === undefined ? totalOf(contents.data, filter.state) : undefined;
  return (
    <>
      <div class="actions below">
        <button type="button" onClick={reload}>
          Read again
        </button>
        <EndLeases queue={queue} rows={walk.found} onDone={reload} />
        <ItemWorkButtons kinds={['retry', 'move', 'delete']} queue={queue} filter={filter} onDone={reload} />
      </div>
      <ReadOnlyNote />
      <Groups
        key={turn}
        queue={queue}
        filter={filter}
        total={total}
        rows={walk.found}
        groupings={GROUPINGS}
        noun="item"
      />
      <WalkProgress walk={walk} found={walk.found.length} total={total} before={before} />
      <ItemTable
        queue={queue}
        rows={walk.found}
        empty={walk.state === 'walking' ? 'Nothing found so far.' : 'No such items.'}
      />
      <ItemsPager walk={walk} before={before} />
    </>
  );
}

/** Links to the items in each state, with how many there were when they were counted. */
function States({
  contents: { data, error, reload, readAt },
}: {
  readonly contents: Loaded<QueueDescription>;
}) {
  const { state: present = '' } = address.value.params;
  const counts: Readonly<Record<string, number | undefined>> = {
    '': totalOf(data, undefined),
    waiting: totalOf(data, 'waiting'),
    leased: totalOf(data, 'leased'),
    scheduled: totalOf(data, 'scheduled'),
  };
  return (
    <>
      {error !== undefined && <ErrorNote error={error} retry={reload} />}
      <nav class="tabs" aria-label="States of items">
        {['', ...ITEM_STATES].map((state) => (
          <a
            key={state}
            href={withParams({ state, cursor: undefined, read: undefined })}
            aria-current={state === present ? 'page' : undefined}
          >
            {state || 'all'}
            {counts[state] !== undefined && <span class="count">{formatCount(counts[state])}</span>}
          </a>
        ))}
        {data !== undefined && <Age age={data.count_age} readAt={readAt} />}
      </nav>
    </>
  );
}

/** About how many items a search reads. Undefined: it is not known. */
function totalOf(contents: QueueDescription | undefined, state: string | undefined): number | undefined {
  // Until a server has counted, all counts are 0.
  if (contents?.count_age === undefined) return undefined;
  const { waiting = 0, leased = 0, scheduled = 0 } = contents;
  switch (state) {
    case undefined:
      return waiting + leased + scheduled;
    case 'waiting':
      return waiting;
    case 'leased':
      return leased;
    case 'scheduled':
      return scheduled;
    default:
      return undefined;
  }
}

/** The items of a queue. */
export const itemsScreen: Screen = {
  path: ['queues', ':queue', 'items'],
  title: ({ queue = '' }) => `Items of ${queue}`,
  component: ItemsScreen,
};
