import { session } from '../api/session.ts';

/** Why a session may not change anything, as a tip. */
const READ_ONLY = 'This session is read-only. Switch on changes at the top of the page first.';

/**
 * A button that changes something. In a read-only session it stays reachable, and says why it does nothing.
 * What the key may not do, the server refuses; its words are then shown.
 */
export function ActionButton({
  children,
  onClick,
  danger = false,
}: {
  readonly children: string;
  readonly onClick: () => void;
  readonly danger?: boolean;
}) {
  const { write } = session.value;
  return (
    <button
      type="button"
      class={danger ? 'danger quiet-danger' : undefined}
      aria-disabled={!write}
      title={write ? undefined : READ_ONLY}
      onClick={() => {
        if (write) onClick();
      }}
    >
      {children}
    </button>
  );
}
