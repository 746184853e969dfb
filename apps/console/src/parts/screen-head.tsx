import type { ComponentChildren } from 'preact';

/** The heading of a screen, with what stands beside it. */
export function ScreenHead({
  title,
  children,
  actions,
}: {
  readonly title: ComponentChildren;
  /** A sentence below the heading. */
  readonly children?: ComponentChildren;
  readonly actions?: ComponentChildren;
}) {
  return (
    <header class="screen-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {children !== undefined && <div class="lead">{children}</div>}
      </div>
      {actions !== undefined && <div class="actions">{actions}</div>}
    </header>
  );
}
