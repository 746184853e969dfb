import process from 'node:process';
import { inspect } from 'node:util';
import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** At most one warning per subject in this time, so that a failing callback does not flood the log. */
const WARNING_PAUSE_MS = 60_000;

/** Handles the promise of a callback that is async against its type: its rejection would be unhandled. */
export function catchRejection(returned: unknown, failed: (reason: unknown) => void): void {
  if (typeof returned === 'object' && returned !== null && 'then' in returned) {
    Promise.resolve(returned).catch(failed);
  }
}

/**
 * Makes the function that reports failures as process warnings (`process.on('warning')`,
 * on standard error by default), at most once per {@link WARNING_PAUSE_MS}.
 *
 * @param subject the first words of the warnings: what fails, and where.
 * @param code of the warnings, for listeners.
 */
export function warner(subject: string, code: string, clock: Clock): (failure: string) => void {
  let warnedAt: Instant | undefined;
  let untold = 0;
  return (failure) => {
    const now = clock.now();
    if (warnedAt !== undefined && millisecondsBetween(warnedAt, now) < WARNING_PAUSE_MS) {
      untold += 1;
      return;
    }
    const before = untold === 0 ? '' : ` (and ${untold} times since the last warning)`;
    warnedAt = now;
    untold = 0;
    process.emitWarning(`${subject}${before} ${failure}`, { type: 'QueratorWarning', code });
  };
}

/** A thrown value as text. */
export function shown(value: unknown): string {
  try {
    return inspect(value);
  } catch {
    return 'something that cannot be shown';
  }
}
