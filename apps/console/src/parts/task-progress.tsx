import type { Task } from '../api/tasks.ts';
import { formatCount } from '../text/number.ts';
import { Badge, type Tone } from './badge.tsx';
import { Plain } from './plain.tsx';

const TONES: Readonly<Record<Task['state'], Tone>> = {
  running: 'notice',
  done: 'good',
  cancelled: 'quiet',
  failed: 'bad',
};

/** The state of a task as a word. */
export function TaskState({ task }: { readonly task: Task }) {
  const isEnding = task.state === 'running' && task.cancel_requested_at !== undefined;
  return <Badge tone={TONES[task.state]}>{isEnding ? 'ending' : task.state}</Badge>;
}

/** How far a task has come. How many items it will find is only known once it has read the queue. */
export function TaskProgress({ task, noun = 'items' }: { readonly task: Task; readonly noun?: string }) {
  const { state, matched = 0, done = 0, failed = 0, error, dry_run: isDry } = task;
  return (
    <div class="task-progress" role="status">
      <p>
        <TaskState task={task} />{' '}
        <span class="numbers">
          {isDry
            ? `${formatCount(matched)} ${noun} found`
            : `${formatCount(done)} of ${formatCount(matched)} ${noun}${state === 'running' ? ' found so far' : ''}`}
          {failed > 0 && `, ${formatCount(failed)} could not be handled`}
        </span>
      </p>
      {!isDry && (
        <progress
          aria-label="Handled"
          max={Math.max(1, matched)}
          {...(matched === 0 && state === 'running' ? {} : { value: done + failed })}
        />
      )}
      {error && (
        <p class="task-error">
          <Plain text={error} />
        </p>
      )}
    </div>
  );
}
