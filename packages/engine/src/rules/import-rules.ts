import {
  checkItemId,
  checkMetadata,
  checkText,
  DEATH_REASONS,
  errorText,
  type ImportedItem,
  ITEM_STATES,
  type ItemState,
  instantFromMicroseconds,
  invalid,
  isLongerThan,
  LIMITS,
} from '@querator/core';

/** An item to be imported as a caller gives it. */
export interface GivenItem extends Omit<ImportedItem, 'isLeased'> {
  /** Empty: waiting, or scheduled if the item has an `enqueueAt`. */
  readonly state: string;
  /** The partition that gets the item. */
  readonly partition: number;
  /** The item is stored unless its partition holds this dedup key. Empty: it has none. */
  readonly dedupKey: string;
}

/** The deadline of an imported lease without one: the lease has ended. */
const LEASE_ENDED = instantFromMicroseconds(0n);

/**
 * Checks an item, and makes it one that a partition imports. A dead item becomes one
 * whose lease has ended: a sweep decides anew what becomes of it. A moving item waits.
 *
 * @throws QueueError `invalid`, naming the field.
 */
export function checkGivenItem({ state: given, partition, dedupKey, ...item }: GivenItem): ImportedItem {
  const state = stateOf(given, item);
  checkText('source_id', item.sourceId ?? '');
  checkText('encoding', item.encoding);
  checkText('kind', item.kind);
  checkText('reference', item.reference);
  if (item.attempts < 0) throw invalid('attempts is invalid; cannot be negative number');
  if (item.maxAttempts < 0) throw invalid('max_attempts is invalid; cannot be negative number');
  checkDetails(item.details);
  if (state === 'dead') return { ...item, isLeased: true, leaseDeadline: LEASE_ENDED };
  if (state === 'leased') {
    return { ...item, isLeased: true, leaseDeadline: item.leaseDeadline ?? LEASE_ENDED };
  }
  return { ...item, isLeased: false };
}

function stateOf(given: string, { enqueueAt }: Pick<ImportedItem, 'enqueueAt'>): ItemState {
  if (given === '') return enqueueAt === undefined ? 'waiting' : 'scheduled';
  const state = ITEM_STATES.find((each) => each === given);
  if (state === undefined) {
    throw invalid(errorText`state is invalid; '${given}' is none of '${ITEM_STATES.join("', '")}'`);
  }
  if (state === 'scheduled' && enqueueAt === undefined) {
    throw invalid("enqueue_at is required; the state is 'scheduled'");
  }
  if (state !== 'scheduled' && enqueueAt !== undefined) {
    throw invalid(errorText`enqueue_at is invalid; the state is '${state}', not 'scheduled'`);
  }
  return state;
}

function checkDetails(details: ImportedItem['details']): void {
  if (details === undefined) return;
  const { firstId, metadata, error, source } = details;
  if (firstId !== undefined) checkItemId(firstId);
  checkText('first_id', firstId ?? '');
  checkMetadata(metadata);
  checkError('error', error);
  if (source === undefined) return;
  const { queue, id, partition, attempts, death } = source;
  if (isLongerThan(queue, LIMITS.queueName)) {
    throw invalid(
      errorText`source.queue is invalid; cannot be greater than '${LIMITS.queueName}' characters`,
      'too_large',
    );
  }
  checkText('source.queue', queue);
  checkItemId(id);
  checkText('source.id', id);
  if (partition < 0) throw invalid('source.partition is invalid; cannot be negative number');
  if (attempts < 0) throw invalid('source.attempts is invalid; cannot be negative number');
  checkError('source.error', source.error);
  if (death !== undefined && !DEATH_REASONS.includes(death.reason)) {
    throw invalid(
      errorText`source.reason is invalid; '${death.reason}' is none of '${DEATH_REASONS.join("', '")}'`,
    );
  }
}

function checkError(field: string, error: string | undefined): void {
  if (error === undefined) return;
  if (isLongerThan(error, LIMITS.itemError)) {
    throw invalid(
      errorText`${field} is invalid; cannot be greater than '${LIMITS.itemError}' characters`,
      'too_large',
    );
  }
  checkText(field, error);
}
