import { checkText, errorText, invalid, isLongerThan, LIMITS, type RetriedItem } from '@querator/core';

/** @throws QueueError `invalid` when the error of an item is too long. */
export function checkErrors(items: readonly RetriedItem[]): void {
  for (const { error } of items) {
    if (error === undefined) continue;
    if (isLongerThan(error, LIMITS.itemError)) {
      throw invalid(
        errorText`error is invalid; cannot be greater than '${LIMITS.itemError}' characters`,
        'too_large',
      );
    }
    checkText('error', error);
  }
}
