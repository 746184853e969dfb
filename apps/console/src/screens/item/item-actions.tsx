import { useState } from 'preact/hooks';
import { goTo } from '../../address/address.ts';
import { formatAddress } from '../../address/address-text.ts';
import type { Item } from '../../api/item.ts';
import { deleteItems, retryItems } from '../../api/items.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { ItemTask, type ItemWork } from '../items/item-task.tsx';

interface ActionsProps {
  readonly queue: string;
  readonly id: string;
  readonly item: Item;
  /** Something has changed. */
  readonly onDone: () => void;
}

type Open = 'retry' | 'run' | Exclude<ItemWork['kind'], 'retry'>;

/** What can be done with one item. */
export function ItemActions(props: ActionsProps) {
  const { queue, id, item, onDone } = props;
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const whyNot = item.state === 'waiting' || item.state === 'scheduled' ? undefined : HELD;
  return (
    <>
      {item.state === 'leased' && (
        <ActionButton onClick={() => setOpen('retry')}>End its lease…</ActionButton>
      )}
      {item.state === 'scheduled' && (
        <ActionButton onClick={() => setOpen('run')}>Make available…</ActionButton>
      )}
      {item.source !== undefined && (
        <ActionButton whyNot={whyNot} onClick={() => setOpen('redrive')}>
          Redrive…
        </ActionButton>
      )}
      <ActionButton whyNot={whyNot} onClick={() => setOpen('move')}>
        Move…
      </ActionButton>
      <ActionButton danger onClick={() => setOpen('delete')}>
        Delete…
      </ActionButton>
      {open === 'retry' && <RetryDialog {...props} onClose={close} />}
      {open === 'delete' && <DeleteDialog {...props} onClose={close} />}
      {(open === 'move' || open === 'redrive' || open === 'run') && (
        <ItemTask
          work={{ kind: open === 'run' ? 'retry' : open, queue, filter: { ids: [id] } }}
          onClose={(hasBegun) => {
            close();
            if (hasBegun) onDone();
          }}
        />
      )}
    </>
  );
}

const HELD = 'Only waiting and scheduled items can be moved.';

function RetryDialog({ queue, id, item, onDone, onClose }: ActionsProps & { readonly onClose: () => void }) {
  const act = async () => {
    const { partition = 0 } = item;
    expectDone((await retryItems({ queue_name: queue, partition, ids: [id] })).items);
    tellDone('Its lease has ended.');
    onDone();
  };
  return (
    <ConfirmDialog title="End its lease" action="End the lease" act={act} onClose={onClose}>
      <p>
        The item goes back to the queue at once, under a new id, and another consumer gets it. Without
        attempts left it dies.
      </p>
      <p>A consumer that still works on it is refused when it completes it.</p>
    </ConfirmDialog>
  );
}

function DeleteDialog({ queue, id, item, onClose }: ActionsProps & { readonly onClose: () => void }) {
  const act = async () => {
    const { partition = 0 } = item;
    expectDone((await deleteItems({ queue_name: queue, partition, ids: [id] })).items);
    tellDone('The item is deleted.');
    goTo(formatAddress(['queues', queue, 'items']));
  };
  return (
    <ConfirmDialog title="Delete the item" action="Delete 1 item" danger act={act} onClose={onClose}>
      <p>It is gone for good, and does not go to a dead-letter queue.</p>
      {item.state === 'leased' && <p>Its consumer is refused when it completes it.</p>}
    </ConfirmDialog>
  );
}

/** @throws Error that says what became of the item instead. */
function expectDone(outcomes: readonly { readonly code?: string; readonly message?: string }[] = []): void {
  const [outcome] = outcomes;
  if (outcome?.code === undefined) return;
  if (outcome.code === 'lease_lost') throw new Error('The item has changed meanwhile. Read it again.');
  throw new Error(outcome.message ?? outcome.code);
}
