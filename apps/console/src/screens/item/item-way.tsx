import { formatAddress } from '../../address/address-text.ts';
import { describeQueue } from '../../api/queues.ts';
import { useCall } from '../../api/use-call.ts';
import { useWalk } from '../../api/use-walk.ts';
import { ErrorNote } from '../../parts/error-note.tsx';
import { Plain } from '../../parts/plain.tsx';
import { WalkProgress } from '../../parts/walk-progress.tsx';
import { pageOfItems } from '../items/found-items.ts';
import { ItemTable } from '../items/item-table.tsx';

/** As many places of one item as are shown of a queue. */
const MOST = 10;

/**
 * Where an item is now, by the id that it got when it was produced: in this queue, in its dead-letter
 * queue, and in the queue that it came from.
 */
export function ItemWay({
  queue,
  firstId,
  source,
}: {
  readonly queue: string;
  readonly firstId: string;
  /** The queue in which it died. Absent: it did not, or nobody knows. */
  readonly source: string | undefined;
}) {
  const contents = useCall(`way ${queue}`, (signal) => describeQueue(queue, signal));
  const { dead_queue: deadQueue = '' } = contents.data?.queue ?? {};
  const places = new Map<string, string>();
  if (source) places.set(source, 'where it died');
  places.set(queue, 'this queue');
  if (deadQueue) places.set(deadQueue, 'its dead-letter queue');
  return (
    <>
      <p class="below">
        An item keeps its first id, <code>{firstId}</code>, through attempts, death and redrive. To find it,
        the server reads these queues.
      </p>
      {contents.error !== undefined && <ErrorNote error={contents.error} retry={contents.reload} />}
      {[...places].map(([name, role]) => (
        <Place key={name} queue={name} role={role} firstId={firstId} />
      ))}
    </>
  );
}

function Place({
  queue,
  role,
  firstId,
}: {
  readonly queue: string;
  readonly role: string;
  readonly firstId: string;
}) {
  const filter = { first_id: firstId };
  const contents = useCall(`way ${queue}`, (signal) => describeQueue(queue, signal));
  const walk = useWalk(
    JSON.stringify([queue, firstId]),
    pageOfItems({ queue, filter, start: '', size: MOST }),
  );
  const { waiting = 0, leased = 0, scheduled = 0, count_age: age } = contents.data ?? {};
  return (
    <section class="panel">
      <header class="panel-head">
        <h2>
          <a href={formatAddress(['queues', queue, 'items'])}>
            <Plain text={queue} />
          </a>{' '}
          <span class="quiet">{role}</span>
        </h2>
      </header>
      <WalkProgress
        walk={walk}
        found={walk.found.length}
        total={age === undefined ? undefined : waiting + leased + scheduled}
      />
      <ItemTable
        queue={queue}
        rows={walk.found}
        empty={walk.state === 'walking' ? 'Not found so far.' : 'It is not there.'}
      />
    </section>
  );
}
