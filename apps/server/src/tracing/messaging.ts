import type { Attributes } from '@opentelemetry/api';

/** What a call is in the messaging conventions of OpenTelemetry. */
export interface MessagingOperation {
  readonly name: string;
  readonly type: 'send' | 'receive' | 'settle' | undefined;
}

const TYPES: Readonly<Record<string, MessagingOperation['type']>> = {
  produce: 'send',
  lease: 'receive',
  complete: 'settle',
  retry: 'settle',
  extend: undefined,
};

/** The operation of a path such as `/v1/queue.produce`. Undefined: it is none of messaging. */
export function messagingOperation(path: string): MessagingOperation | undefined {
  const [, name] = /^\/v\d\/queue\.(\w+)$/.exec(path) ?? [];
  return name !== undefined && Object.hasOwn(TYPES, name) ? { name, type: TYPES[name] } : undefined;
}

/**
 * The attributes of a call by the conventions for messaging, version 1.45.
 *
 * @param items the items or ids that the call is about. Undefined: none.
 */
export function messagingAttributes(
  { name, type }: MessagingOperation,
  request: unknown,
  items: readonly unknown[] | undefined,
): Attributes {
  const { queueName, clientId, partition } = (request ?? {}) as Readonly<Record<string, unknown>>;
  const id = items?.length === 1 ? idOf(items[0]) : undefined;
  return {
    'messaging.system': 'querator',
    'messaging.operation.name': name,
    ...(type && { 'messaging.operation.type': type }),
    ...(typeof queueName === 'string' ? { 'messaging.destination.name': queueName.slice(0, 512) } : {}),
    ...(typeof partition === 'number' ? { 'messaging.destination.partition.id': String(partition) } : {}),
    ...(typeof clientId === 'string' ? { 'messaging.client.id': clientId.slice(0, 512) } : {}),
    ...(items === undefined ? {} : { 'messaging.batch.message_count': items.length }),
    ...(id === undefined ? {} : { 'messaging.message.id': id }),
  };
}

function idOf(item: unknown): string | undefined {
  const id = typeof item === 'string' ? item : (item as { readonly id?: unknown } | undefined)?.id;
  return typeof id === 'string' && id !== '' ? id.slice(0, 64) : undefined;
}
