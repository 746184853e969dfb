import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { CallError } from './call-error.ts';
import { sessionNumber } from './session.ts';

/** What a call has brought so far. After a failure the last reply stays, with the error beside it. */
export interface Loaded<Reply> {
  /** The last reply. Undefined: there was none yet. */
  readonly data: Reply | undefined;
  /** Why the last call failed. Undefined: it did not. */
  readonly error: CallError | undefined;
  /** Whether a call is on its way. */
  readonly loading: boolean;
  /** When the last reply arrived, in milliseconds since 1970. */
  readonly readAt: number | undefined;
  /** Calls again now. */
  readonly reload: () => void;
}

interface State<Reply> {
  readonly key: string;
  readonly data?: Reply | undefined;
  readonly error?: CallError | undefined;
  readonly loading: boolean;
  readonly readAt?: number | undefined;
}

/** How soon a call that failed for a passing reason is repeated, in milliseconds. */
const RETRY_MS = 3_000;

/**
 * Calls the API while the component is shown.
 *
 * @param key of the request. Another key begins anew, and forgets the reply to the old one.
 * @param load makes the call. The latest function counts.
 * @param every how often to repeat it, in milliseconds; not while the page is in the background. 0: never. It
 *   may depend on the last reply.
 */
export function useCall<Reply>(
  key: string,
  load: (signal: AbortSignal) => Promise<Reply>,
  { every = 0 }: { readonly every?: number | ((reply: Reply) => number) } = {},
): Loaded<Reply> {
  const [state, setState] = useState<State<Reply>>({ key, loading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef({ load, every });
  latest.current = { load, every };
  const session = sessionNumber.value;

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      setState((before) => (before.key === key ? { ...before, loading: true } : { key, loading: true }));
      let wait = typeof every === 'number' ? every : RETRY_MS;
      try {
        const data = await latest.current.load(abort.signal);
        if (abort.signal.aborted) return;
        if (typeof latest.current.every === 'function') wait = latest.current.every(data);
        setState({ key, data, loading: false, readAt: Date.now() });
      } catch (thrown) {
        if (abort.signal.aborted) return;
        const error = thrown instanceof CallError ? thrown : new CallError('refused', String(thrown));
        if (error.passes) wait = RETRY_MS;
        if (error.kind === 'off') wait = 0;
        setState((before) => ({ ...before, error, loading: false }));
      }
      if (wait > 0) timer = setTimeout(again, wait);
    };
    const again = () => {
      if (document.hidden)
        document.addEventListener('visibilitychange', again, { once: true, signal: abort.signal });
      else void run();
    };
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
    // A new session may see more, or less.
  }, [key, typeof every === 'number' ? every : 'by reply', turn, session]);

  const reload = useCallback(() => setTurn((count) => count + 1), []);
  const present = state.key === key ? state : { loading: true };
  const { data, error, loading, readAt } = present as State<Reply>;
  return { data, error, loading, readAt, reload };
}
