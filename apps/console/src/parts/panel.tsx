import type { ComponentChildren } from 'preact';
import type { Loaded } from '../api/use-call.ts';
import { ErrorNote } from './error-note.tsx';

/**
 * A part of a screen that shows what calls bring: a note while there is nothing yet, the error of a
 * failure, and old data beside the error of the last call.
 */
export function Panel<Reply>({
  title,
  loaded,
  actions,
  children,
}: {
  /** The heading. Absent: the screen has said it. */
  readonly title?: string;
  readonly loaded: Loaded<Reply>;
  /** What stands beside the heading. */
  readonly actions?: ComponentChildren;
  readonly children: (data: Reply) => ComponentChildren;
}) {
  const { data, error, loading, reload } = loaded;
  return (
    <section class="panel" aria-busy={loading && data === undefined}>
      {(title !== undefined || actions !== undefined) && (
        <header class="panel-head">
          {title !== undefined && <h2>{title}</h2>}
          {actions}
        </header>
      )}
      {error !== undefined && error.kind !== 'signed-out' && <ErrorNote error={error} retry={reload} />}
      {data !== undefined && children(data)}
      {data === undefined && error === undefined && <p class="waiting">Loading…</p>}
    </section>
  );
}
