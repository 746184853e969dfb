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
  whyNot,
}: {
  readonly children: string;
  readonly onClick: () => void;
  readonly danger?: boolean;
  /** Why it is not possible now. Absent: it is. */
  readonly whyNot?: string | undefined;
}) {
  const { write } = session.value;
  const reason = write ? whyNot : READ_ONLY;
  return (
    <button
      type="button"
      class={danger ? 'danger quiet-danger' : undefined}
      aria-disabled={reason !== undefined}
      title={reason}
      onClick={() => {
        if (reason === undefined) onClick();
      }}
    >
      {children}
    </button>
  );
}
