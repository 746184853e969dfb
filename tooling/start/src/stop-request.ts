import process from 'node:process';

/**
 * One Ctrl-C arrives several times: from the terminal, from npm, from our
 * parent. Only one that comes this much later is a second one.
 */
const SAME_REQUEST_MS = 2000;
const PARENT_CHECK_MS = 500;

/** Tells when this process is asked to stop, and when it is asked again. */
export interface StopRequest {
  /** Aborted at the first request. */
  readonly asked: AbortSignal;
  /** Aborted when someone grows impatient. */
  readonly hurried: AbortSignal;
}

/** Listens for SIGINT, SIGTERM, SIGHUP and for the end of the process that started us. */
export function listenForStop(): StopRequest {
  const asked = new AbortController();
  const hurried = new AbortController();
  let first = 0;
  const ask = () => {
    if (!asked.signal.aborted) first = performance.now();
    else if (performance.now() - first > SAME_REQUEST_MS) hurried.abort();
    asked.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, ask);
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ask();
  }, PARENT_CHECK_MS);
  timer.unref();
  return { asked: asked.signal, hurried: hurried.signal };
}
