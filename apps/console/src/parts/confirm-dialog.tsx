import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';

/** What a person confirms. */
export interface Confirmation {
  readonly title: string;
  /** What will happen, with the count. */
  readonly children: ComponentChildren;
  /** The word on the button: what will happen, such as `Delete 1,204 items`. */
  readonly action: string;
  /** What must be typed first, such as the name of the queue. Absent: nothing. */
  readonly typed?: string;
  /** Whether something is lost. */
  readonly danger?: boolean;
}

/**
 * Asks before something is done. Failures are shown in the dialog, which then stays open.
 *
 * @param props `act`: does it. The dialog closes when it resolves.
 */
export function ConfirmDialog({
  title,
  children,
  action,
  typed,
  danger = false,
  act,
  onClose,
}: Confirmation & { readonly act: () => Promise<unknown>; readonly onClose: () => void }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const isAllowed = typed === undefined || text === typed;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!isAllowed || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await act();
      onClose();
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown.message : String(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        <div class="dialog-text">{children}</div>
        {typed !== undefined && (
          <label class="typed">
            <span>
              Type <code>{typed}</code> to confirm
            </span>
            <input
              type="text"
              value={text}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        )}
        {error !== undefined && (
          <p class="note failed" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={danger ? 'danger' : 'primary'} disabled={!isAllowed || busy}>
            {busy ? 'Working…' : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
