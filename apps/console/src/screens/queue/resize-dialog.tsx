import { useState } from 'preact/hooks';
import { resizeQueue } from '../../api/queues.ts';
import type { Task } from '../../api/tasks.ts';
import { BulkAction } from '../../parts/bulk-action.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { CheckField, TextField } from '../../parts/fields.tsx';
import { Plain } from '../../parts/plain.tsx';
import { countOf, formatCount } from '../../text/number.ts';

const MOST = 1_024;

/** Asks for the number of partitions, says what follows from it, and does it by a task. */
export function ResizeDialog({
  queue,
  present,
  onClose,
}: {
  readonly queue: string;
  /** How many partitions the queue has. */
  readonly present: number;
  readonly onClose: () => void;
}) {
  const [text, setText] = useState(String(present));
  const [partitions, setPartitions] = useState<number>();
  const [moves, setMoves] = useState(false);
  const move = moves && partitions !== undefined && partitions < present;
  if (partitions !== undefined) {
    return (
      <BulkAction
        title={`Resize ${queue}`}
        request={{ kind: 'resize', queue_name: queue, partitions }}
        create={({ dry_run: dryRun = false }) => resizeQueue(queue, { partitions, dryRun, move })}
        preview={(counted) => ({
          text: <Preview counted={counted} present={present} partitions={partitions} move={move} />,
          action: `Resize to ${countOf(partitions, 'partition')}`,
        })}
        effect=""
        verb="Resize"
        noun={move ? 'items' : 'partitions'}
        needs={`the permission queue.update in the namespace of ${queue}`}
        typed={queue}
        danger={partitions < present}
        onClose={onClose}
      />
    );
  }
  const asked = Number(text);
  const isUsable = Number.isInteger(asked) && asked >= 1 && asked <= MOST && asked !== present;
  return (
    <Dialog title={`Resize ${queue}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isUsable) setPartitions(asked);
        }}
      >
        <p>
          It has {countOf(present, 'partition')}. Producers and consumers go on meanwhile. Order holds within
          a partition only.
        </p>
        <TextField
          label="Partitions"
          type="number"
          value={text}
          hint={`1 to ${formatCount(MOST)}`}
          required
          onChange={setText}
        />
        {isUsable && asked < present && (
          <CheckField
            label="Move the items of the partitions that leave, instead of waiting for consumers"
            checked={moves}
            onChange={setMoves}
          />
        )}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={!isUsable}>
            Preview the resize
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Preview({
  counted: { matched = 0, moves = [] },
  present,
  partitions,
  move,
}: {
  readonly counted: Task;
  readonly present: number;
  readonly partitions: number;
  readonly move: boolean;
}) {
  if (partitions < present) {
    return (
      <p>
        <strong class="numbers">{countOf(present - partitions, 'partition')}</strong>{' '}
        {present - partitions === 1 ? 'leaves' : 'leave'}:{' '}
        {partitions === present - 1 ? `number ${partitions}` : `numbers ${partitions} to ${present - 1}`}.
        They take no new items
        {move ? (
          <>
            , and the <strong class="numbers">{countOf(matched, 'item')}</strong> in them move behind the
            items of the others. They stay until the leases that consumers have there have ended.
          </>
        ) : (
          <>
            , and stay until consumers have taken the{' '}
            <strong class="numbers">{countOf(matched, 'item')}</strong> in them.
          </>
        )}
      </p>
    );
  }
  return (
    <>
      <p>
        The queue gets <strong class="numbers">{countOf(partitions - present, 'partition')}</strong> more.
        Items that are there stay where they are.
      </p>
      {moves.length > 0 && (
        <ul>
          {moves.map(({ partition = 0, to = '' }) => (
            <li key={partition}>
              Partition {partition} on <Plain text={to} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
