import { echo, SYSTEM_NAMESPACE } from '@querator/core';

/** What a call names, by the field of its event. Texts are cut at 100 characters. */
export type AuditedObject = Readonly<Record<string, string | number>>;

/** The fields of requests that name an object, and their fields in an event. */
const NAMING = [
  ['queueName', 'queue'],
  ['queue', 'queue'],
  ['kind', 'kind'],
  ['name', 'name'],
  ['username', 'name'],
  ['id', 'id'],
  ['roleName', 'role'],
  ['userId', 'ofUser'],
  ['keyId', 'ofKey'],
  ['namespaceScope', 'scope'],
] as const;

/** There are fewer permissions. */
const MOST_PERMISSIONS = 50;

/** What a request names, besides its namespace. */
export function objectOf(request: unknown): AuditedObject {
  const { partition, permissions } = request as Readonly<Record<string, unknown>>;
  const object: Record<string, string | number> = {};
  for (const [from, to] of NAMING) {
    const text = textIn(request, from);
    if (text !== undefined && text !== '') object[to] = echo(text);
  }
  // A task names a partition only together with the storage that it moves to.
  const isNamed = textIn(request, 'storageName') !== '';
  if (typeof partition === 'number' && isNamed) object['partition'] = partition;
  if (Array.isArray(permissions)) {
    object['permissions'] = permissions
      .slice(0, MOST_PERMISSIONS)
      .map((name) => echo(String(name)))
      .join(' ');
  }
  return object;
}

/** The whole name of the namespace of a request. Undefined: the request has no such field. */
export function namespaceIn(request: unknown): string | undefined {
  const namespace = textIn(request, 'namespace');
  return namespace === '' ? SYSTEM_NAMESPACE : namespace;
}

/** The whole name of the queue of a request. */
export function queueNameIn(request: unknown): string | undefined {
  return textIn(request, 'queueName');
}

function textIn(message: unknown, field: string): string | undefined {
  const value = (message as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'string' ? value : undefined;
}
