import { errorText, invalid } from '@querator/core';

/** @throws QueueError `invalid`, naming the field, when the text holds U+0000, which PostgreSQL cannot store. */
export function checkText(field: string, text: string): void {
  if (text.includes('\0')) throw invalid(errorText`${field} is invalid; cannot contain the character U+0000`);
}
