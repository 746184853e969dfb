import { useState } from 'preact/hooks';
import { retryItems } from '../../api/items.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { tellDone } from '../../parts/messages.tsx';
import { countOf } from '../../text/number.ts';
import type { ItemRow } from './found-items.ts';

/** Ends the leases of the items that a page shows, such as those of a consumer that is stuck. */
export function EndLeases({
  queue,
  rows,
  onDone,
}: {
  readonly queue: string;
  readonly rows: readonly ItemRow[];
  readonly onDone: () => void;
}) {
  const [isAsking, ask] = useState(false);
  const leased = rows.filter(({ state, id }) => state === 'leased' && id !== undefined);
  const hidden = rows.some(({ state, id }) => state === 'leased' && id === undefined);
  if (leased.length === 0 && !hidden) return null;
  const act = async () => {
    const ended = await endLeases(queue, leased);
    const left = leased.length - ended;
    tellDone(
      `${countOf(ended, 'lease')} ended.${left > 0 ? ` ${countOf(left, 'item')} had no lease any more.` : ''}`,
    );
    onDone();
  };
  return (
    <>
      <ActionButton
        whyNot={hidden ? 'It takes the permission queue.complete, which also shows the ids.' : undefined}
        onClick={() => ask(true)}
      >
        {`End the leases of the ${leased.length || ''} shown…`}
      </ActionButton>
      {isAsking && (
        <ConfirmDialog
          title="End leases"
          action={`End ${countOf(leased.length, 'lease')}`}
          typed={queue}
          act={act}
          onClose={() => ask(false)}
        >
          <p>
            The {countOf(leased.length, 'leased item')} on this page go back to the queue at once, and other
            consumers get them. An item without attempts left dies.
          </p>
          <p>A consumer that still works on one is refused when it completes it.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

/** @returns how many leases it ended. */
async function endLeases(queue: string, rows: readonly ItemRow[]): Promise<number> {
  let ended = 0;
  for (const [partition, group] of Map.groupBy(rows, ({ partition = 0 }) => partition)) {
    const ids = group.map(({ id = '' }) => id);
    const { items = [] } = await retryItems({ queue_name: queue, partition, ids });
    ended += items.filter(({ code }) => code === undefined).length;
  }
  return ended;
}
