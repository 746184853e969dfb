import type { CallError } from '../api/call-error.ts';

const TITLES = {
  'signed-out': 'The session has ended',
  forbidden: 'This key may not see this',
  unreachable: 'The server does not answer',
  unavailable: 'The server cannot say this now',
  off: 'This server does not do this',
  refused: 'The server refused this',
} as const;

/** Says why a part of the page has no data, or old data, and what happens next. */
export function ErrorNote({ error, retry }: { readonly error: CallError; readonly retry?: () => void }) {
  // Nothing is broken, and another try brings nothing else.
  const isLasting = error.kind === 'forbidden' || error.kind === 'off';
  return (
    <div class={`note ${isLasting ? 'info' : 'failed'}`} role="status">
      <p>
        <strong>{TITLES[error.kind]}.</strong> {error.message}
      </p>
      {error.kind === 'forbidden' && (
        <p>
          Ask an administrator for a role with the permission. <a href="#/access">Access</a> shows who has
          which.
        </p>
      )}
      {error.passes && <p>The page tries again by itself every few seconds.</p>}
      {retry !== undefined && !isLasting && (
        <button type="button" onClick={retry}>
          Try again now
        </button>
      )}
    </div>
  );
}
