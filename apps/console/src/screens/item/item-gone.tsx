import { formatAddress } from '../../address/address-text.ts';
import type { Item } from '../../api/item.ts';
import { findItems } from '../../api/items.ts';
import { describeQueue } from '../../api/queues.ts';
import { useCall } from '../../api/use-call.ts';
import { Plain } from '../../parts/plain.tsx';
import { itemAddress } from '../items/item-address.ts';

/** Says what can have become of an item that its queue does not hold under this id, and leads to it. */
export function ItemGone({
  queue,
  id,
  firstId,
}: {
  readonly queue: string;
  readonly id: string;
  readonly firstId: string;
}) {
  const letter = useCall(`letter ${queue} ${id}`, (signal) => findLetter(queue, id, signal));
  const found = letter.data;
  return (
    <div class="note">
      <p>
        <strong>
          <Plain text={queue} /> holds no item with this id.
        </strong>{' '}
        It may have been completed or deleted, or it came back to the queue, where it has another id now.
      </p>
      <ul>
        {found !== undefined && (
          <li>
            It died: <a href={itemAddress(found.queue, found.item)}>see its dead letter</a> in{' '}
            <Plain text={found.queue} />.
          </li>
        )}
        <li>
          <a href={formatAddress(['queues', queue, 'items'], { first_id: firstId })}>
            Look for it in this queue by its first id
          </a>
        </li>
        <li>
          <a href={formatAddress(['queues', queue, 'items', id], { first: firstId, tab: 'way' })}>
            Look for it in the queues that it may have gone to
          </a>
        </li>
      </ul>
    </div>
  );
}

interface Letter {
  readonly queue: string;
  readonly item: Item;
}

/** Dead letters are found by an index under the id with which they died. */
async function findLetter(queue: string, id: string, signal: AbortSignal): Promise<Letter | undefined> {
  const { queue: settings } = await describeQueue(queue, signal);
  if (!settings.dead_queue) return undefined;
  const request = { queue_name: settings.dead_queue, filter: { source_id: id }, limit: 1 };
  const { items = [] } = await findItems(request, signal);
  const [item] = items;
  return item?.id === undefined ? undefined : { queue: settings.dead_queue, item };
}
