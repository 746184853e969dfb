import { useState } from 'preact/hooks';
import { address } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
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
import { countOf } from '../../text/number.ts';
import { FilterForm } from '../items/filter-form.tsx';
import { pageOfItems } from '../items/found-items.ts';
import { Groups } from '../items/groups.tsx';
import { ItemTable } from '../items/item-table.tsx';
import { ItemWorkButtons } from '../items/item-work.tsx';
import { ItemsPager } from '../items/items-pager.tsx';
import { QueueLinks } from '../items/queue-links.tsx';
import { useFilter } from '../items/use-filter.ts';
import type { PathValues, Screen } from '../screen.ts';

const PAGE_SIZE = 25;
const GROUPINGS = ['reason', 'error', 'kind', 'source_queue'];

function DeadLettersScreen({ values: { queue = '' } }: { readonly values: PathValues }) {
  const given = useFilter();
  const contents = useCall(`contents ${queue}`, (signal) => describeQueue(queue, signal), { every: 5_000 });
  const { data, error, readAt } = contents;
  const total = totalOf(data);
  const title = (
    <>
      Dead letters in <Plain text={queue} />
    </>
  );
  return (
    <>
      <ScreenHead title={title}>
        <QueueLinks queue={queue} present="dead-letters" />
        {total !== undefined && (
          <p>
            {countOf(total, 'item')}, <Age age={data?.count_age} readAt={readAt} />
          </p>
        )}
      </ScreenHead>
      {error !== undefined && <ErrorNote error={error} retry={contents.reload} />}
      <Elsewhere deadQueue={data?.queue.dead_queue} />
      <FilterForm isDead />
      {given.fault === undefined ? (
        <Letters queue={queue} filter={given.filter} contents={contents} />
      ) : (
        <p class="note failed">{given.fault}</p>
      )}
    </>
  );
}

/** A queue with a dead-letter queue sends its letters there, and holds none itself. */
function Elsewhere({ deadQueue }: { readonly deadQueue: string | undefined }) {
  if (!deadQueue) return null;
  return (
    <p class="note">
      What dies in this queue goes to{' '}
      <a href={formatAddress(['queues', deadQueue, 'dead-letters'])}>
        <Plain text={deadQueue} />
      </a>
      . Below is what this queue itself holds.
    </p>
  );
}

function Letters({
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
  const total = totalOf(contents.data);
  return (
    <>
      <div class="actions below">
        <button type="button" onClick={reload}>
          Read again
        </button>
        <ItemWorkButtons
          kinds={['redrive', 'move', 'delete']}
          queue={queue}
          filter={filter}
          onDone={reload}
        />
      </div>
      <ReadOnlyNote />
      <Groups
        key={turn}
        queue={queue}
        filter={filter}
        total={total}
        rows={walk.found}
        groupings={GROUPINGS}
        first="reason"
        noun="letter"
      />
      <section class="panel">
        <header class="panel-head">
          <h2>Letters</h2>
        </header>
        <WalkProgress walk={walk} found={walk.found.length} total={total} before={before} noun="letter" />
        <ItemTable
          queue={queue}
          rows={walk.found}
          empty={walk.state === 'walking' ? 'Nothing found so far.' : 'No such letters.'}
          isDead
        />
        <ItemsPager walk={walk} before={before} />
      </section>
    </>
  );
}

function totalOf(contents: QueueDescription | undefined): number | undefined {
  if (contents?.count_age === undefined) return undefined;
  const { waiting = 0, leased = 0, scheduled = 0 } = contents;
  return waiting + leased + scheduled;
}

/** The dead letters of one dead-letter queue. */
export const deadLettersScreen: Screen = {
  path: ['queues', ':queue', 'dead-letters'],
  title: ({ queue = '' }) => `Dead letters in ${queue}`,
  component: DeadLettersScreen,
};
