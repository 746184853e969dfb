import process from 'node:process';

/**
 * One Ctrl-C arrives several times: from the terminal, from npm, from our
 * parent. Only a signal that arrives this much later is a second request.
 */
const SAME_REQUEST_MS = 2000;
const PARENT_CHECK_MS = 500;

/** The requests to stop this process. */
export interface StopRequest {
  /** Aborted at the first request. */
  readonly stopRequested: AbortSignal;
  /** Aborted at the second request. */
  readonly killRequested: AbortSignal;
}

/** Listens for SIGINT, SIGTERM, SIGHUP and the end of the parent process. */
export function listenForStop(): StopRequest {
  const stopRequested = new AbortController();
  const killRequested = new AbortController();
  let first = 0;
  const ask = () => {
    if (!stopRequested.signal.aborted) first = performance.now();
    else if (performance.now() - first > SAME_REQUEST_MS) killRequested.abort();
    stopRequested.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, ask);
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ask();
  }, PARENT_CHECK_MS);
  timer.unref();
  return { stopRequested: stopRequested.signal, killRequested: killRequested.signal };
}
