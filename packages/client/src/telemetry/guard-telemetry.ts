import type { Clock } from '@querator/core';
import { shown, warner } from '../callback-warnings.ts';
import type { Telemetry } from './telemetry.ts';

/**
 * Keeps the failures of telemetry from what it follows: they cause process warnings,
 * and nothing else. A send or a handler runs once, and its own outcome counts, also if
 * the telemetry throws before, afterwards, or leaves the run out.
 *
 * @param subject what is followed, for the warnings.
 */
export function guardTelemetry(telemetry: Telemetry, subject: string, clock: Clock): Telemetry {
  const warn = warner(`the telemetry of ${subject}`, 'QUERATOR_TELEMETRY', clock);
  const failed = (thrown: unknown) => warn(`failed: ${shown(thrown)}`);
  return {
    send: (work, run) => follow((begin) => telemetry.send(work, begin), run, { unfollowed: {}, failed }),
    handle: (work, run) =>
      follow<void, void>((begin) => telemetry.handle(work, begin), run, { unfollowed: undefined, failed }),
  };
}

/** @param unfollowed what `run` gets if the telemetry does not call it. */
async function follow<T, Given>(
  telemetry: (begin: (given: Given) => Promise<T>) => Promise<T>,
  run: (given: Given) => Promise<T>,
  { unfollowed, failed }: { readonly unfollowed: Given; readonly failed: (thrown: unknown) => void },
): Promise<T> {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  let running: Promise<T> | undefined;
  const begin = (given: Given) => {
    running ??= run(given);
    resolve();
    return running;
  };
  const following = async () => {
    try {
      await telemetry(begin);
    } catch (thrown) {
      const isOfTheRun = await running?.then(
        () => false,
        (error: unknown) => error === thrown,
      );
      if (isOfTheRun !== true) failed(thrown);
    } finally {
      resolve();
    }
  };
  void following();
  await begun;
  return running ?? run(unfollowed);
}
