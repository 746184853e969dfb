import { type ErrorReason, errorText, QueueError, type Verbatim, verbatim } from '@querator/core';

function notFound(kind: string, key: string | Verbatim): QueueError {
  return new QueueError('failed', errorText`${kind} does not exist; '${key}' was not found`, {
    reason: 'no_such_record' satisfies ErrorReason,
  });
}

export const noSuchUser = (id: string) => notFound('user', id);
export const noSuchKey = (id: string) => notFound('api key', id);
export const noSuchRole = (namespace: string, name: string) =>
  notFound('role', verbatim(errorText`${namespace}:${name}`));
export const noSuchBinding = (namespace: string, userId: string, roleId: string) =>
  notFound('role binding', verbatim(errorText`${namespace}:${userId}:${roleId}`));
