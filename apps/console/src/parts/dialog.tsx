import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

/** Where the focus begins: at the first field, or else at the first of the buttons below. */
const FIRST = ':is(input, select, textarea, .dialog-actions button):not(:disabled)';

/**
 * A dialog above the page. The browser keeps the focus in it, and gives it back to where it was.
 *
 * @param props `onClose`: Escape was pressed, or the cross. The owner then takes the dialog away.
 */
export function Dialog({
  title,
  onClose,
  children,
  size = 'small',
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly size?: 'small' | 'large';
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Before the next key: it belongs to the dialog.
  useLayoutEffect(() => {
    const { current } = dialog;
    const opener = document.activeElement;
    current?.showModal();
    // The browser chooses the cross: a press of Enter would close the dialog.
    current?.querySelector<HTMLElement>(FIRST)?.focus();
    return () => {
      current?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={size}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close the dialog" onClick={onClose}>
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}
