import {
  addDuration,
  type Backlog,
  type ClaimedSchedule,
  type Duration,
  type Instant,
  LIMITS,
  LONGEST_DEDUP_WINDOW,
  type MissedPolicy,
  milliseconds,
  type Schedule,
  type ScheduleState,
} from '@querator/core';

/** Finds the first time after another one. Undefined: there is none. */
export type NextTime = (after: Instant) => Instant | undefined;

/** A time that is fired later than this is late, and the `missed` of its schedule decides. */
const LATE: Duration = milliseconds(60_000);

/**
 * After this time an attempt whose outcome is unknown is not repeated. Its dedup key
 * lasts for the longest window from the attempt on; the rest is for the repeat itself.
 */
const LONGEST_DOUBT: Duration = (LONGEST_DEDUP_WINDOW - milliseconds(3_600_000)) as Duration;

/** Times that are passed over in one step, which takes 10 ms. A year of minutes takes 526 steps. */
const MOST_PASSED = 1_000;

/** How many of the times that have passed are fired, by policy. */
const LATE_FIRINGS: Readonly<Record<MissedPolicy, number>> = { skip: 0, one: 1, all: LIMITS.scheduleBacklog };

/** What to do with a schedule that is due. */
export type Step =
  | { readonly kind: 'fire'; readonly at: Instant }
  /** Nothing is fired. The state moves on. */
  | { readonly kind: 'pass'; readonly state: ScheduleState };

/** The state of a schedule that begins now. @param until undefined: it has no end. */
export function firstState(now: Instant, until: Instant | undefined, next: NextTime): ScheduleState {
  const dueAt = notAfter(until, next(now));
  return { dueAt, backlog: undefined, firedAt: undefined, fired: 0, missed: 0, failure: undefined };
}

/** Decides what to do with a schedule that was claimed. */
export function nextStep(claimed: ClaimedSchedule, next: NextTime): Step {
  const { schedule, claimedAt } = claimed;
  const { state, until } = schedule;
  const { dueAt } = state;
  if (dueAt === undefined) return { kind: 'pass', state };
  if (isUnrepeatable(claimed)) {
    // The item may be stored, but its dedup key may have ended. It must not be stored twice, so the time is missed.
    const later = notAfter(until, next(dueAt));
    return { kind: 'pass', state: { ...state, dueAt: later, missed: state.missed + 1, failure: undefined } };
  }
  const backlog = backlogOf(schedule, claimedAt);
  // A time that was attempted may have been fired, and is not passed over.
  if (inDoubtSince(claimed) !== undefined || backlog === undefined || backlog.left > 0) {
    return { kind: 'fire', at: dueAt };
  }
  return { kind: 'pass', state: passOver({ ...state, failure: undefined, backlog }, until, next) };
}

/** Whether an attempt is in doubt for so long that its dedup key may have ended. */
export function isUnrepeatable(claimed: Omit<ClaimedSchedule, 'claim'>): boolean {
  const doubtSince = inDoubtSince(claimed);
  return doubtSince !== undefined && addDuration(doubtSince, LONGEST_DOUBT) <= claimed.claimedAt;
}

/**
 * Since when the due time may have been fired. Undefined: it was not. If it was already late
 * at the first attempt, and its policy fires no late times, no attempt has fired anything.
 */
function inDoubtSince({ schedule, doubtSince }: Omit<ClaimedSchedule, 'claim'>): Instant | undefined {
  if (doubtSince === undefined) return undefined;
  return backlogOf(schedule, doubtSince)?.left === 0 ? undefined : doubtSince;
}

/** The state of a schedule whose time `at` was fired. */
export function firedState(
  { schedule, claimedAt }: Pick<ClaimedSchedule, 'schedule' | 'claimedAt'>,
  at: Instant,
  next: NextTime,
): ScheduleState {
  const { state, until } = schedule;
  const backlog = backlogOf(schedule, claimedAt);
  const dueAt = notAfter(until, next(at));
  const fired: ScheduleState = {
    ...state,
    ...{ dueAt, firedAt: at, fired: state.fired + 1, failure: undefined },
    backlog: stillIn(backlog && { ...backlog, left: Math.max(backlog.left - 1, 0) }, dueAt),
  };
  return fired.backlog?.left === 0 ? passOver(fired, until, next) : fired;
}

/** The times that wait because they are late. Undefined: the due time is not one of them. */
function backlogOf({ state, missed }: Schedule, now: Instant): Backlog | undefined {
  const { dueAt } = state;
  if (dueAt === undefined) return undefined;
  const known = stillIn(state.backlog, dueAt);
  if (known !== undefined) return known;
  if (addDuration(dueAt, LATE) >= now) return undefined;
  const until = missed === 'skip' ? ((now - LATE / 1_000n - 1n) as Instant) : now;
  return { until, left: LATE_FIRINGS[missed] };
}

/** Moves on to the first time after the backlog, or as far as one step goes. */
function passOver(state: ScheduleState, until: Instant | undefined, next: NextTime): ScheduleState {
  const { backlog } = state;
  if (backlog === undefined) return state;
  let { dueAt, missed } = state;
  for (let passed = 0; passed < MOST_PASSED && dueAt !== undefined && dueAt <= backlog.until; passed++) {
    missed++;
    dueAt = notAfter(until, next(dueAt));
  }
  return { ...state, dueAt, missed, backlog: stillIn(backlog, dueAt) };
}

function stillIn(backlog: Backlog | undefined, dueAt: Instant | undefined): Backlog | undefined {
  return backlog !== undefined && dueAt !== undefined && dueAt <= backlog.until ? backlog : undefined;
}

function notAfter(until: Instant | undefined, at: Instant | undefined): Instant | undefined {
  return at !== undefined && until !== undefined && at > until ? undefined : at;
}
