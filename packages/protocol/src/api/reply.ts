import type { Reply } from '../gen/duh/v1/reply.ts';

/**
 * The reply of a successful call without data: `{"code":200}`, or `08 c8 01`.
 * All callers share this object, so it and its `details` must not change.
 */
export const SUCCESS_REPLY: Readonly<Reply> = Object.freeze({
  code: 200,
  codeText: '',
  message: '',
  details: new Map(),
});
