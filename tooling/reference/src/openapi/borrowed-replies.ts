import type { AnyEndpoint } from '@querator/protocol';
import type { CallExample } from '../examples/call-examples.ts';

type Examples = ReadonlyMap<string, readonly CallExample[]>;

const SESSION = {
  username: 'operator',
  key_id: '3MpP1CmzSYQGbl9vcKExIEjpswd',
  write: true,
  expires_at: '2026-12-01T06:00:00.123456Z',
};

/** Replies of servers with access control. The servers of the examples have none. */
const WITH_ACCESS_CONTROL: Readonly<Record<string, unknown>> = {
  '/v2/session.create': SESSION,
  '/v2/session.get': SESSION,
};

/**
 * Examples in which each call has a successful reply. A page shows only an error where
 * the successful reply depends on how far the server is, as that of a task does. There
 * the reply is that of another call with the same messages.
 */
export function withBorrowedReplies(calls: readonly AnyEndpoint[], examples: Examples): Examples {
  const lenders = calls.filter(({ path }) => successOf(examples.get(path)) !== undefined);
  return new Map(
    calls.map(({ path, response }) => {
      const own = examples.get(path) ?? [];
      if (successOf(own) !== undefined) return [path, own];
      const lender = lenders.find((other) => other.response === response);
      const reply = WITH_ACCESS_CONTROL[path] ?? (lender && successOf(examples.get(lender.path)));
      const [first] = own;
      return [path, first === undefined ? own : [...own, { request: first.request, reply }]];
    }),
  );
}

function successOf(examples: readonly CallExample[] = []): unknown {
  return examples
    .map(({ reply }) => reply)
    .find(
      (reply) =>
        reply !== undefined && !('code' in (reply as object) && (reply as { code: unknown }).code !== 200),
    );
}
