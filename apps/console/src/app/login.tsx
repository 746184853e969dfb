import { useState } from 'preact/hooks';
import { signIn } from '../api/session.ts';

/**
 * Asks for an API key. It goes to the server once, which gives the browser a sealed cookie for it that no
 * script can read. The page keeps no copy.
 */
export function LoginForm({ why }: { readonly why?: string }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const key = new FormData(form).get('key');
    if (busy || typeof key !== 'string' || key.trim() === '') return;
    setBusy(true);
    setError(undefined);
    try {
      await signIn(key.trim());
      form.reset();
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown.message : String(thrown));
    }
    setBusy(false);
  };
  return (
    <form class="login" onSubmit={submit}>
      {why !== undefined && <p>{why}</p>}
      <label>
        <span>API key</span>
        <input
          name="key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          aria-describedby="login-note"
        />
      </label>
      {error !== undefined && (
        <p class="note failed" role="alert">
          {error}
        </p>
      )}
      <button type="submit" class="primary" disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </button>
      <p id="login-note" class="quiet">
        The session is read-only until you switch on changes, and can do nothing that the key cannot.
      </p>
    </form>
  );
}
