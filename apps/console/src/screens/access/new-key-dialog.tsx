import { useState } from 'preact/hooks';
import type { NewKey } from '../../api/access.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { tellFailed } from '../../parts/messages.tsx';

/** Shows a new key. The server keeps only its hash, so it cannot be shown again. */
export function NewKeyDialog({ made, onClose }: { readonly made: NewKey; readonly onClose: () => void }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () =>
    navigator.clipboard.writeText(made.key).then(
      () => setCopied(true),
      () => tellFailed('The browser does not allow copying here. Select the key instead.'),
    );
  return (
    <Dialog title="The new key" onClose={onClose}>
      <div class="dialog-text">
        <p>
          <strong>Copy it now.</strong> It is shown once: the server keeps only a hash of it.
        </p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it is to be selected by keyboard */}
        <pre class="new-key" tabIndex={0}>
          {made.key}
        </pre>
      </div>
      <div class="dialog-actions">
        <button type="button" onClick={copy}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
        <button type="button" class="primary" onClick={onClose}>
          I have it
        </button>
      </div>
    </Dialog>
  );
}
