import { useRef, useState } from 'preact/hooks';
import type { ItemsFilter } from '../../api/item.ts';
import type { TaskRequest } from '../../api/tasks.ts';
import { BulkAction } from '../../parts/bulk-action.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ConditionList } from './condition-list.tsx';
import { QueueNameField } from './queue-name-field.tsx';

/** Work on the items that a search finds. */
export interface ItemWork {
  readonly kind: 'delete' | 'move' | 'redrive' | 'retry';
  readonly queue: string;
  readonly filter: ItemsFilter;
}

const TITLES = { delete: 'Delete items', move: 'Move items', redrive: 'Redrive dead letters' } as const;
const VERBS = { delete: 'Delete', move: 'Move', redrive: 'Redrive' } as const;

const endsLeases = ({ kind, filter }: ItemWork) => kind === 'retry' && filter.state === 'leased';

function titleOf(work: ItemWork): string {
  if (work.kind !== 'retry') return TITLES[work.kind];
  return endsLeases(work) ? 'End leases' : 'Make items available';
}

/** What the button says, around the count. */
function verbOf(work: ItemWork): string | readonly [string, string] {
  if (work.kind !== 'retry') return VERBS[work.kind];
  return endsLeases(work) ? 'End the leases of' : ['Make', 'available'];
}

/**
 * Asks where the items go and how fast, counts them, and does it by a task.
 *
 * @param props `onClose`: `hasBegun` says whether a task was begun.
 */
export function ItemTask({
  work,
  onClose,
}: {
  readonly work: ItemWork;
  readonly onClose: (hasBegun: boolean) => void;
}) {
  const [request, setRequest] = useState<TaskRequest>();
  const hasBegun = useRef(false);
  const { kind, queue } = work;
  if (request === undefined) return <Terms work={work} onDone={setRequest} onClose={() => onClose(false)} />;
  return (
    <BulkAction
      title={titleOf(work)}
      request={request}
      effect={<Effect work={work} to={request.to} />}
      verb={verbOf(work)}
      noun={kind === 'redrive' ? 'letters' : 'items'}
      needs={needsOf(work, request.to)}
      typed={work.filter.ids === undefined ? queue : undefined}
      danger={kind === 'delete'}
      onEnd={() => {
        hasBegun.current = true;
      }}
      onClose={() => onClose(hasBegun.current)}
    />
  );
}

function Effect({ work, to }: { readonly work: ItemWork; readonly to: string | undefined }) {
  const { kind, queue } = work;
  if (kind === 'retry') {
    return endsLeases(work) ? (
      <>
        of <Plain text={queue} /> go back to the queue at once, and other consumers get them. Those without
        attempts left die. A consumer that still works on one is refused when it completes it.
      </>
    ) : (
      <>
        of <Plain text={queue} /> go to the tail at once, and do not wait for the time that was set.
      </>
    );
  }
  if (kind === 'delete') {
    return (
      <>
        of <Plain text={queue} /> are deleted for good. They do not go to a dead-letter queue.
      </>
    );
  }
  if (to === undefined) return <>go back to the queues that they came from, as new items with no attempts.</>;
  return (
    <>
      go to the tail of <Plain text={to} />.
    </>
  );
}

function needsOf({ kind, queue }: ItemWork, to: string | undefined): string {
  if (kind === 'retry') return `the permissions queue.clear and queue.retry in the namespace of ${queue}`;
  if (kind === 'delete') return `the permission queue.clear in the namespace of ${queue}`;
  const target = to === undefined ? 'there' : `in that of ${to}`;
  return `the permissions queue.clear in the namespace of ${queue}, and queue.produce ${target}`;
}

function Terms({
  work,
  onDone,
  onClose,
}: {
  readonly work: ItemWork;
  readonly onDone: (request: TaskRequest) => void;
  readonly onClose: () => void;
}) {
  const { kind, queue, filter } = work;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const to = String(form.get('to') ?? '').trim();
    const rate = Number(form.get('rate') ?? 0);
    const request = { kind, queue_name: queue, filter };
    onDone({ ...request, ...(to === '' ? {} : { to }), ...(rate > 0 ? { rate } : {}) });
  };
  return (
    <Dialog title={titleOf(work)} onClose={onClose}>
      <form onSubmit={submit}>
        <div class="dialog-text">
          <p>
            Of the queue <Plain text={queue} />:
          </p>
          <ConditionList filter={filter} />
          {kind === 'delete' && filter.state !== 'leased' && (
            <p class="quiet">Leased items are left to their consumers.</p>
          )}
        </div>
        <div class="form">
          {(kind === 'move' || kind === 'redrive') && (
            <QueueNameField
              label={kind === 'move' ? 'To the queue' : 'To the queue (empty: where each came from)'}
              name="to"
              required={kind === 'move'}
            />
          )}
          <label>
            <span>At most so many a second (empty: no limit)</span>
            <input name="rate" type="number" min="1" max="1000000" />
          </label>
        </div>
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
