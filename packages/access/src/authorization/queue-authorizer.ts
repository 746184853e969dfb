import { accessDenied, type Caller, type Permission, SYSTEM_NAMESPACE } from '@querator/core';

/** The namespace of a queue; undefined if there is no such queue. A promise if storage has to be asked. */
export type NamespaceOf = (queueName: string) => string | undefined | Promise<string | undefined>;

/**
 * Judges calls on queues. A caller who holds the permission in `_system` may name
 * any queue. For others, a queue of another namespace and a missing queue are the
 * same: access denied.
 */
export class QueueAuthorizer {
  readonly #namespaceOf: NamespaceOf;

  constructor(namespaceOf: NamespaceOf) {
    this.#namespaceOf = namespaceOf;
  }

  /**
   * Returns a promise only if storage has to be asked for the queue.
   *
   * @throws QueueError `forbidden`. The promise may reject with it, or with a StorageError.
   */
  authorize(caller: Caller, permission: Permission, queueName: string): void | Promise<void> {
    const isScoped = caller.principal.namespaceScope !== '';
    if (!isScoped && caller.may(permission, SYSTEM_NAMESPACE)) return;
    const namespace = this.#namespaceOf(queueName);
    if (namespace instanceof Promise) {
      return namespace.then((found) => judge(caller, permission, found));
    }
    judge(caller, permission, namespace);
  }
}

function judge(caller: Caller, permission: Permission, namespace: string | undefined): void {
  if (namespace === undefined || !caller.may(permission, namespace)) throw accessDenied();
}
