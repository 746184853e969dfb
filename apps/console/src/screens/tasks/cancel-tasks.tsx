import { useState } from 'preact/hooks';
import { cancelTask, type Task } from '../../api/tasks.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Plain } from '../../parts/plain.tsx';
import { TaskState } from '../../parts/task-progress.tsx';
import { countOf } from '../../text/number.ts';
import { taskTitle } from './task-title.ts';

/** Whether a task runs and was not cancelled yet. */
export const canCancel = ({ state, cancel_requested_at: asked }: Task): boolean =>
  state === 'running' && asked === undefined;

/** What became of one task: as it is after the call, or why the server refused. */
type Outcome = Task | Error;

/** Ends several tasks. @param props `chosen`: tasks that run. `onDone`: the calls were made. */
export function CancelTasks({
  chosen,
  onDone,
}: {
  readonly chosen: readonly Task[];
  readonly onDone: () => void;
}) {
  const [asked, ask] = useState<readonly Task[]>();
  return (
    <>
      <ActionButton
        whyNot={chosen.length === 0 ? 'Choose tasks that run, in the first column.' : undefined}
        onClick={() => ask(chosen)}
      >
        {chosen.length === 0 ? 'Cancel those chosen…' : `Cancel the ${chosen.length} chosen…`}
      </ActionButton>
      {asked !== undefined && <CancelDialog tasks={asked} onDone={onDone} onClose={() => ask(undefined)} />}
    </>
  );
}

/** Asks, makes a call for each task, and shows the outcome of each. */
function CancelDialog({
  tasks,
  onDone,
  onClose,
}: {
  readonly tasks: readonly Task[];
  readonly onDone: () => void;
  readonly onClose: () => void;
}) {
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map());
  const [hasBegun, begin] = useState(false);
  const isDone = outcomes.size === tasks.length;
  const cancel = async () => {
    begin(true);
    for (const { id } of tasks) {
      const outcome = await cancelTask(id).catch((thrown) =>
        thrown instanceof Error ? thrown : new Error(String(thrown)),
      );
      setOutcomes((before) => new Map(before).set(id, outcome));
    }
    onDone();
  };
  const count = countOf(tasks.length, 'task');
  return (
    <Dialog title={`Cancel ${count}`} onClose={onClose}>
      <div class="dialog-text">
        <p>Each ends within a second, at whichever server it runs. What it has done stays done.</p>
        <ul class="conditions" aria-live="polite">
          {tasks.map((task) => (
            <li key={task.id}>
              {taskTitle(task)} <Plain text={task.queue_name ?? ''} limit={100} />
              {outcomes.has(task.id) && <OutcomeOf outcome={outcomes.get(task.id)} />}
            </li>
          ))}
        </ul>
      </div>
      <div class="dialog-actions">
        <button type="button" class={isDone ? 'primary' : undefined} onClick={onClose}>
          {isDone ? 'Close' : 'Leave them'}
        </button>
        {!isDone && (
          <button type="button" class="danger" disabled={hasBegun} onClick={cancel}>
            {hasBegun ? `Cancelling: ${outcomes.size} of ${tasks.length}` : `Cancel ${count}`}
          </button>
        )}
      </div>
    </Dialog>
  );
}

function OutcomeOf({ outcome }: { readonly outcome: Outcome | undefined }) {
  if (outcome === undefined) return null;
  if (outcome instanceof Error) return <span class="bad">: {outcome.message}</span>;
  return (
    <>
      : <TaskState task={outcome} />
    </>
  );
}
