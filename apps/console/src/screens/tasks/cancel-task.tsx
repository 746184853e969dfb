import { useState } from 'preact/hooks';
import { cancelTask, type Task } from '../../api/tasks.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmDialog } from '../../parts/confirm-dialog.tsx';
import { None } from '../../parts/moment.tsx';
import { taskTitle } from './task-title.ts';

/** Ends a task that runs. */
export function CancelTask({ task, onDone }: { readonly task: Task; readonly onDone: () => void }) {
  const [isAsking, ask] = useState(false);
  if (task.state !== 'running') return <None why="it has ended" />;
  const act = async () => {
    await cancelTask(task.id);
    onDone();
  };
  return (
    <>
      <ActionButton
        whyNot={task.cancel_requested_at === undefined ? undefined : 'It is about to end.'}
        onClick={() => ask(true)}
      >
        Cancel…
      </ActionButton>
      {isAsking && (
        <ConfirmDialog
          title={`Cancel: ${taskTitle(task)}`}
          action="Cancel the task"
          danger
          act={act}
          onClose={() => ask(false)}
        >
          <p>It ends within a second, at whichever server it runs. What it has done stays done.</p>
        </ConfirmDialog>
      )}
    </>
  );
}
