import type { Reply } from './gen/duh/v1/reply.ts';

/**
 * The answer of a call that succeeded and has nothing to say: `{"code":200}`,
 * or `08 c8 01`. Shared by all callers, so nobody writes to it, its `details`
 * included; also the reply type of such endpoints.
 */
export const SUCCESS_REPLY: Readonly<Reply> = Object.freeze({
  code: 200,
  codeText: '',
  message: '',
  details: new Map(),
});
