import { address, withParams } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
import { describeQueue } from '../../api/queues.ts';
import { useCall } from '../../api/use-call.ts';
import { useWalk } from '../../api/use-walk.ts';
import { Age } from '../../parts/age.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { None } from '../../parts/moment.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { WalkProgress } from '../../parts/walk-progress.tsx';
import { formatCount } from '../../text/number.ts';
import type { Screen } from '../screen.ts';
import { deadLetterQueues } from './dead-letter-queues.ts';

const PAGE_SIZE = 50;

interface Row {
  readonly name: string;
  readonly senders: readonly string[];
}

const COLUMNS: readonly Column<Row>[] = [
  {
    title: 'Dead-letter queue',
    names: true,
    cell: ({ name }) => (
      <a href={formatAddress(['queues', name, 'dead-letters'])}>
        <Plain text={name} limit={200} />
      </a>
    ),
  },
  { title: 'Letters', numeric: true, cell: ({ name }) => <Letters queue={name} /> },
  { title: 'Gets them from', cell: ({ name, senders }) => <Senders names={senders} deadQueue={name} /> },
];

/** Each row asks for its own count, so that one queue that cannot be read does not hide the others. */
function Letters({ queue }: { readonly queue: string }) {
  const { data, error, readAt } = useCall(`contents ${queue}`, (signal) => describeQueue(queue, signal), {
    every: 10_000,
  });
  if (error !== undefined) return <span class="quiet">{error.message}</span>;
  if (data === undefined) return <span class="quiet">…</span>;
  const { waiting = 0, leased = 0, scheduled = 0, count_age: age } = data;
  return (
    <>
      {age !== undefined && <strong>{formatCount(waiting + leased + scheduled)}</strong>}{' '}
      <Age age={age} readAt={readAt} />
    </>
  );
}

const MOST_SENDERS = 5;

/** Each leads to its letters. */
function Senders({ names, deadQueue }: { readonly names: readonly string[]; readonly deadQueue: string }) {
  if (names.length === 0) return <None />;
  return (
    <ul class="details">
      {names.slice(0, MOST_SENDERS).map((name) => (
        <li key={name}>
          <a href={formatAddress(['queues', deadQueue, 'dead-letters'], { source_queue: name })}>
            <Plain text={name} limit={200} />
          </a>
        </li>
      ))}
      {names.length > MOST_SENDERS && (
        <li class="quiet">and {formatCount(names.length - MOST_SENDERS)} more</li>
      )}
    </ul>
  );
}

function DeadLetterQueuesScreen() {
  const { name = '', after = '' } = address.value.params;
  const walk = useWalk('dead-letter queues', deadLetterQueues);
  const matching = [...walk.found].filter(([each]) => each.includes(name));
  const rows = matching.filter(([each]) => each > after).map(([name, senders]) => ({ name, senders }));
  const last = rows[PAGE_SIZE - 1]?.name;
  return (
    <>
      <ScreenHead title="Dead letters">
        <p>The queues to which other queues send what dies in them.</p>
      </ScreenHead>
      <FilterBar label="Filter the dead-letter queues" fields={[{ name: 'name', label: 'Name contains' }]} />
      <WalkProgress walk={walk} total={undefined} noun="queue" />
      <Table
        caption="Dead-letter queues"
        columns={COLUMNS}
        rows={rows.slice(0, PAGE_SIZE)}
        keyOf={({ name }) => name}
        empty="No queue that you may see, in any namespace, has a dead-letter queue. What dies there is deleted."
      />
      <nav class="pager" aria-label="Pages of dead-letter queues">
        {after !== '' && <a href={withParams({ after: undefined })}>First page</a>}
        {last !== undefined && rows.length > PAGE_SIZE && <a href={withParams({ after: last })}>Next page</a>}
      </nav>
    </>
  );
}

/** All dead-letter queues. */
export const deadLetterQueuesScreen: Screen = {
  path: ['dead-letters'],
  title: () => 'Dead letters',
  component: DeadLetterQueuesScreen,
  navigation: { label: 'Dead letters', group: 'Work' },
};
