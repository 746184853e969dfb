import {
  type AccessControl,
  type EndCall,
  QueueAuthorizer,
  type Quotas,
  type StockSize,
  TRUSTED_CALLER,
} from '@querator/access';
import { type Caller, errorText, QueueError } from '@querator/core';
import type { Service } from '@querator/engine';

export interface ActingUserDeps {
  /** Undefined: the storage of the queues cannot keep users, so that everybody may do everything. */
  readonly access: Pick<AccessControl, 'userNamed'> | undefined;
  /** Undefined: they are not in use. */
  readonly quotas: Pick<Quotas, 'any' | 'admit' | 'begin'> | undefined;
  readonly service: Pick<Service, 'namespaceOf'>;
  /** Undefined: access control is off. */
  readonly username: string | undefined;
}

/** The user as which a relay produces. What it brings is judged as a call of that user would be. */
export class ActingUser {
  readonly #deps: ActingUserDeps;
  readonly #authorizer: QueueAuthorizer;

  constructor(deps: ActingUserDeps) {
    this.#deps = deps;
    this.#authorizer = new QueueAuthorizer((queueName) => deps.service.namespaceOf(queueName));
  }

  /**
   * Judges a produce that is about to run.
   *
   * @returns ends it for the quotas.
   * @throws QueueError as a call of the user.
   */
  async beginProduce(queueName: string, brings: StockSize): Promise<EndCall> {
    const { quotas, service } = this.#deps;
    const caller = await this.#caller();
    await this.#authorizer.authorize(caller, 'queue.produce', queueName);
    if (quotas?.any !== true) return () => {};
    const { principal } = caller;
    quotas.admit(principal, true);
    const namespace = await service.namespaceOf(queueName);
    const end = await quotas.begin({ principal, namespace, isRefusable: true, waits: false, brings });
    return end ?? (() => {});
  }

  async #caller(): Promise<Caller> {
    const { access, username } = this.#deps;
    if (access === undefined || username === undefined) return TRUSTED_CALLER;
    const caller = await access.userNamed(username);
    if (caller !== undefined) return caller;
    throw new QueueError(
      'unauthenticated',
      errorText`the outbox acts as user '${username}', who does not exist`,
    );
  }
}
