import type { History } from '../history.ts';
import { acknowledgedIsStored } from './acknowledged-is-stored.ts';
import { answersInTime } from './answers-in-time.ts';
import { arrivalOrder } from './arrival-order.ts';
import { attempts } from './attempts.ts';
import { completedOnce } from './completed-once.ts';
import { deadLetters } from './dead-letters.ts';
import { extensions } from './extensions.ts';
import { leasesAreGood } from './leases-are-good.ts';
import { leasesReachSomeone } from './leases-reach-someone.ts';
import { nothingVanishes } from './nothing-vanishes.ts';
import { olderFirst } from './older-first.ts';
import { oneHolder } from './one-holder.ts';
import { produceOrder } from './produce-order.ts';
import { refusedIsNotStored } from './refused-is-not-stored.ts';
import { type Check, recordRun } from './run-record.ts';
import { silentAfterStop } from './silent-after-stop.ts';

const CHECKS: Readonly<Record<string, Check>> = {
  acknowledgedIsStored,
  answersInTime,
  arrivalOrder,
  attempts,
  completedOnce,
  deadLetters,
  extensions,
  leasesAreGood,
  leasesReachSomeone,
  nothingVanishes,
  olderFirst,
  oneHolder,
  produceOrder,
  refusedIsNotStored,
  silentAfterStop,
};

/** Runs all checks. @returns the violations of a history. */
export function check(history: History): string[] {
  const run = recordRun(history);
  return Object.entries(CHECKS).flatMap(([name, rule]) => [...rule(run)].map((text) => `${name}: ${text}`));
}
