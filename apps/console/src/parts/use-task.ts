import { useEffect, useState } from 'preact/hooks';
import { CallError } from '../api/call-error.ts';
import { getTask, type Task } from '../api/tasks.ts';

const POLL_MS = 700;

/** A task as it goes on: asked for until it has ended. */
export interface FollowedTask {
  readonly task: Task | undefined;
  /** Why it could not be asked for the last time. It is asked for again if that may pass. */
  readonly error: CallError | undefined;
}

/** Follows a task until it has ended. @param begun as it was created. Undefined: there is none. */
export function useTask(begun: Task | undefined): FollowedTask {
  const [followed, setFollowed] = useState<FollowedTask>({ task: begun, error: undefined });
  useEffect(() => {
    setFollowed({ task: begun, error: undefined });
    if (begun === undefined || begun.state !== 'running') return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const task = await getTask(begun.id, abort.signal);
        setFollowed({ task, error: undefined });
        if (task.state !== 'running') return;
      } catch (thrown) {
        if (abort.signal.aborted) return;
        const error = thrown instanceof CallError ? thrown : new CallError('refused', String(thrown));
        setFollowed(({ task }) => ({ task, error }));
        if (!error.passes) return;
      }
      timer = setTimeout(ask, POLL_MS);
    };
    timer = setTimeout(ask, POLL_MS / 3);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [begun]);
  return followed.task?.id === begun?.id ? followed : { task: begun, error: undefined };
}
