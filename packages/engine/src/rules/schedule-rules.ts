import {
  checkMetadata,
  checkText,
  errorText,
  type Instant,
  invalid,
  isLongerThan,
  LAST_INSTANT,
  LIMITS,
  MISSED_POLICIES,
  type MissedPolicy,
  type NewItem,
  pauseHasPassed,
  type QueueError,
  type ScheduledItem,
} from '@querator/core';

/** Letters, digits and signs that need no quotes in a shell, a path or a log. */
const NAME = /^[0-9A-Za-z._:/@-]+$/;

/** @throws QueueError `invalid`. */
export function checkScheduleName(name: string): void {
  if (isLongerThan(name, LIMITS.scheduleName)) {
    throw invalid(
      errorText`name is invalid; cannot be greater than '${LIMITS.scheduleName}' characters`,
      'too_large',
    );
  }
  if (name === '') throw invalid('name is invalid; cannot be empty');
  if (!NAME.test(name)) {
    throw invalid(errorText`name is invalid; '${name}' has other characters than letters, digits and ._:/@-`);
  }
}

/** @throws QueueError `invalid`. */
export function missedPolicyOf(missed: string): MissedPolicy {
  const policy = MISSED_POLICIES.find((each) => each === missed);
  if (policy === undefined) {
    throw invalid(errorText`missed is invalid; expected 'skip', 'one' or 'all', got '${missed}'`);
  }
  return policy;
}

/** @param item undefined: the request has none. @throws QueueError `invalid`. */
export function checkScheduledItem(item: NewItem | undefined): ScheduledItem {
  if (item === undefined) throw invalid('item is invalid; a schedule needs an item to produce');
  const { encoding, kind, reference, payload, metadata } = item;
  checkText('encoding', encoding);
  checkText('kind', kind);
  checkText('reference', reference);
  if (metadata !== undefined) checkMetadata(metadata);
  if (payload.length > LIMITS.schedulePayload) {
    throw invalid(
      errorText`item is invalid; its payload has ${payload.length} bytes, and ${LIMITS.schedulePayload} is the most`,
      'too_large',
    );
  }
  return { encoding, kind, reference, payload, ...(metadata === undefined ? {} : { metadata }) };
}

/** @param until undefined: no end. @throws QueueError `invalid` if it is not ahead. */
export function checkUntil(until: Instant | undefined, now: Instant): void {
  if (until === undefined) return;
  if (until <= now) throw pauseHasPassed();
  if (until > LAST_INSTANT) throw invalid('until is invalid; it is too far ahead');
}

export function noSuchSchedule(namespace: string, name: string): QueueError {
  return invalid(
    errorText`schedule does not exist; no such schedule named '${name}' in namespace '${namespace}'`,
    'no_such_record',
  );
}
