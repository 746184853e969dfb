import { useState } from 'preact/hooks';
import type { QueueDescription } from '../../api/queues.ts';
import { BulkAction } from '../../parts/bulk-action.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { formatCount } from '../../text/number.ts';

/** Which items are removed. `all`: those of every state but leased, as the task does by itself. */
type Cleared = 'waiting' | 'scheduled' | 'leased' | 'all';

const EFFECTS: Readonly<Record<Cleared, string>> = {
  waiting: 'are deleted. They do not go to the dead-letter queue.',
  scheduled: 'are deleted before they become available.',
  leased: 'are deleted while consumers hold them. Their completes will fail.',
  all: 'are deleted. They do not go to the dead-letter queue.',
};

/** Asks which items of a queue to remove, and removes them by a task. */
export function ClearDialog({
  data,
  onClose,
  onDone,
}: {
  readonly data: QueueDescription;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const { queue_name: name } = data.queue;
  const { waiting = 0, leased = 0, scheduled = 0 } = data;
  const [chosen, choose] = useState<Cleared>('waiting');
  const [isChosen, setIsChosen] = useState(false);
  if (isChosen) {
    return (
      <BulkAction
        title={`Clear ${name}`}
        request={{
          kind: 'delete',
          queue_name: name,
          ...(chosen === 'all' ? {} : { filter: { state: chosen } }),
        }}
        effect={EFFECTS[chosen]}
        verb="Delete"
        typed={name}
        danger
        onClose={onClose}
        onEnd={onDone}
      />
    );
  }
  const choices: readonly (readonly [value: Cleared, label: string])[] = [
    ['waiting', `Waiting items, about ${formatCount(waiting)}`],
    ['scheduled', `Scheduled items, about ${formatCount(scheduled)}`],
    ['leased', `Leased items, about ${formatCount(leased)}`],
    ['all', 'All that are not leased'],
  ];
  return (
    <Dialog title={`Clear ${name}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setIsChosen(true);
        }}
      >
        <fieldset class="dialog-text">
          <legend>Which items?</legend>
          {choices.map(([value, label]) => (
            <label key={value} class="check">
              <input type="radio" name="cleared" checked={chosen === value} onChange={() => choose(value)} />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Count them
          </button>
        </div>
      </form>
    </Dialog>
  );
}
