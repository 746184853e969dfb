import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;
const ANSWER_MS = 2000;

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Resolves once the server answers its health check with any status, because then it listens. */
export async function untilListening(url: string, stopped: AbortSignal): Promise<boolean> {
  while (!stopped.aborted) {
    if (await answers(url)) return true;
    await delay(POLL_MS, undefined, { signal: stopped }).catch(() => {});
  }
  return false;
}
