import type { Permission } from '@querator/core';
import type { MessageCodec } from '../messages/message-codec.ts';
import { BODY_LIMITS } from './body-limits.ts';
import type { Audited, Endpoint, ItemTraffic } from './endpoint.ts';

/** A call whose service judges the permission. */
export function endpoint<Request, Response>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
  permission: Permission | undefined,
  { audited }: { readonly audited: Audited },
): Endpoint<Request, Response> {
  const fixed = { judgedBy: 'service', traffic: 'other', namesNamespace: false } as const;
  return { path, request, response, permission, audited, ...fixed, bodyLimit: BODY_LIMITS.other };
}

/** A call whose request names the namespace of the queues that it concerns. Its service judges the permission. */
export function inNamespace<Request extends { readonly namespace: string }, Response>(
  ...call: Parameters<typeof endpoint<Request, Response>>
): Endpoint<Request, Response> {
  return { ...endpoint(...call), namesNamespace: true };
}

/** A call on the queue that its request names. */
export function onQueue<Request extends { readonly queueName: string }, Response>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
  permission: Permission,
  {
    audited,
    traffic = 'other',
    bodyLimit = BODY_LIMITS.other,
  }: { readonly audited: Audited; readonly traffic?: ItemTraffic; readonly bodyLimit?: number },
): Endpoint<Request, Response> {
  const fixed = { judgedBy: 'queue', namesNamespace: false } as const;
  return { path, request, response, permission, audited, ...fixed, traffic, bodyLimit };
}
