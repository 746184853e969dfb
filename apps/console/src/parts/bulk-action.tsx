import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatAddress } from '../address/address-text.ts';
import { CallError } from '../api/call-error.ts';
import { cancelTask, createTask, type Task, type TaskRequest } from '../api/tasks.ts';
import { countOf, formatCount } from '../text/number.ts';
import { Dialog } from './dialog.tsx';
import { tellFailed } from './messages.tsx';
import { TaskProgress } from './task-progress.tsx';
import { useTask } from './use-task.ts';

interface BulkActionProps {
  readonly title: string;
  /** What the task does, as `tasks.create` takes it. */
  readonly request: TaskRequest;
  /** What happens to the items, for people: `are deleted`, `go back to where they came from`. */
  readonly effect: ComponentChildren;
  /** What the button says before the count, or around it: `Delete`. */
  readonly verb: string | readonly [before: string, after: string];
  /** What must be typed first, such as the name of the queue. Absent: nothing. */
  readonly typed?: string | undefined;
  /** The permissions that it takes, for those who lack one. */
  readonly needs?: string;
  readonly danger?: boolean;
  /** Creates the task. Default: `tasks.create` with the request. */
  readonly create?: (request: TaskRequest & { readonly dry_run?: boolean }) => Promise<Task>;
  /** What to show once the items are counted. Default: their number; with 0 items the button is disabled. */
  readonly preview?: (counted: Task) => Preview;
  /** What the task takes, in the plural. Default: `items`. */
  readonly noun?: string;
  /** The dialog is to be taken away. A task that runs goes on. */
  readonly onClose: () => void;
  /** The task has ended, or its person has left it to itself. */
  readonly onEnd?: () => void;
}

/** What a count means. */
interface Preview {
  readonly text: ComponentChildren;
  readonly action: string;
}

/**
 * An action on many items, in one dialog: a task counts them without changing anything, the person
 * confirms the count, and a second task does the work and can be cancelled. It is durable: it goes
 * on without the page.
 */
export function BulkAction(props: BulkActionProps) {
  const { title, request, onClose, onEnd, create = createTask } = props;
  const [counting, setCounting] = useState<Task>();
  const [working, setWorking] = useState<Task>();
  const [error, setError] = useState<Error>();
  const count = useTask(counting);
  const work = useTask(working);

  useEffect(() => {
    create({ ...request, dry_run: true }).then(setCounting, setError);
  }, []);
  const close = () => {
    // The dialog has closed: its count is of no use.
    if (count.task?.state === 'running') cancelTask(count.task.id).catch(() => undefined);
    if (working !== undefined) onEnd?.();
    onClose();
  };
  const start = async () => {
    setError(undefined);
    try {
      setWorking(await create(request));
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  };
  const failure = error ?? work.error ?? count.error;
  const isForbidden = failure instanceof CallError && failure.kind === 'forbidden';
  return (
    <Dialog title={title} onClose={close}>
      {failure !== undefined && (
        <p class="note failed" role="alert">
          {failure.message}
          {isForbidden && props.needs !== undefined && ` (It takes ${props.needs}.)`}
        </p>
      )}
      {counting === undefined && error !== undefined ? (
        <div class="dialog-actions">
          <button type="button" class="primary" onClick={close}>
            Close
          </button>
        </div>
      ) : work.task !== undefined ? (
        <Working task={work.task} noun={props.noun} onClose={close} />
      ) : (
        <Counted {...props} count={count.task} start={start} onClose={close} />
      )}
    </Dialog>
  );
}

/** Goes on by keyboard at what has appeared in place of what had the focus. */
function focusOnce(element: HTMLElement | null): void {
  element?.focus();
}

function Counted({
  count,
  request,
  effect,
  verb,
  typed,
  danger = false,
  noun = 'items',
  preview,
  start,
  onClose,
}: BulkActionProps & { readonly count: Task | undefined; readonly start: () => Promise<void> }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const matched = count?.matched ?? 0;
  const isCounted = count?.state === 'done';
  const [before, after] = typeof verb === 'string' ? [verb, ''] : verb;
  const counted = countOf(matched, noun.replace(/s$/, ''), noun);
  const shown = count !== undefined && isCounted ? preview?.(count) : undefined;
  const isAllowed =
    isCounted && (matched > 0 || shown !== undefined) && (typed === undefined || text === typed);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy || !isAllowed) return;
    setBusy(true);
    await start();
    setBusy(false);
  };
  return (
    <form onSubmit={submit}>
      <div class="dialog-text">
        {count === undefined && <p>Counting…</p>}
        {count !== undefined && shown === undefined && <TaskProgress task={count} noun={noun} />}
        {shown?.text}
        {isCounted && shown === undefined && (
          <p>
            <strong class="numbers">{counted}</strong> {effect} Those that come in before you confirm are
            taken too.
          </p>
        )}
        {request.rate !== undefined && request.rate > 0 && (
          <p>At most {formatCount(request.rate)} a second.</p>
        )}
      </div>
      {isCounted && typed !== undefined && (
        <label class="typed">
          <span>
            Type <code>{typed}</code> to confirm
          </span>
          <input
            ref={focusOnce}
            type="text"
            value={text}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
      )}
      <div class="dialog-actions">
        <button type="button" onClick={onClose}>
          {isCounted ? 'Cancel' : 'Stop counting'}
        </button>
        <button type="submit" class={danger ? 'danger' : 'primary'} disabled={!isAllowed || busy}>
          {shown?.action ?? `${before} ${isCounted ? counted : ''} ${after}`.replace(/ +/g, ' ').trim()}
        </button>
      </div>
    </form>
  );
}

function Working({
  task,
  noun,
  onClose,
}: {
  readonly task: Task;
  readonly noun: string | undefined;
  readonly onClose: () => void;
}) {
  const isRunning = task.state === 'running';
  return (
    <>
      <div class="dialog-text">
        <TaskProgress task={task} {...(noun === undefined ? {} : { noun })} />
        {isRunning && <p>It is a task of the server, and goes on if you close this.</p>}
        <p>
          <a href={formatAddress(['tasks', task.id])} onClick={onClose}>
            The task <code>{task.id}</code>
          </a>
        </p>
      </div>
      <div class="dialog-actions">
        {isRunning && (
          <button
            type="button"
            class="danger"
            disabled={task.cancel_requested_at !== undefined}
            onClick={() => cancelTask(task.id).catch(tellFailed)}
          >
            Cancel the task
          </button>
        )}
        <button ref={focusOnce} type="button" class="primary" onClick={onClose}>
          {isRunning ? 'Leave it running' : 'Close'}
        </button>
      </div>
    </>
  );
}
