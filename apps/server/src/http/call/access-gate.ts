import type { AccessControl, Credentials, QueueAuthorizer } from '@querator/access';
import {
  type Caller,
  type CancelTimer,
  type Clock,
  millisecondsBetween,
  type Permission,
} from '@querator/core';
import type { ClientAddresses } from './client-addresses.ts';
import type { CallCredentials, Gate, JudgedCall, WatchCall } from './gate.ts';

/** The gate of a server with access control, or with access control switched off. */
export class AccessGate implements Gate {
  readonly #access: AccessControl;
  readonly #authorizer: QueueAuthorizer;
  readonly #clock: Clock;
  readonly #addresses: ClientAddresses;
  readonly watch: WatchCall | undefined;

  constructor(deps: {
    readonly access: AccessControl;
    readonly authorizer: QueueAuthorizer;
    readonly clock: Clock;
    readonly addresses: ClientAddresses;
  }) {
    const { access, authorizer, clock, addresses } = deps;
    this.#access = access;
    this.#authorizer = authorizer;
    this.#clock = clock;
    this.#addresses = addresses;
    this.watch = access.enforced ? (call, refused) => this.#watch(call, refused) : undefined;
  }

  authenticate(headers: CallCredentials): Caller | Promise<Caller> {
    // Without the header, the address of the connection is that of the client.
    if (headers.forwardedFor === undefined) return this.#access.authenticate(headers);
    return this.#access.authenticate(new ForwardedCredentials(headers, this.#addresses));
  }

  renew(caller: Caller): Caller | Promise<Caller> {
    return this.#access.refresh(caller);
  }

  authorize(caller: Caller, permission: Permission, queueName: string): void | Promise<void> {
    return this.#authorizer.authorize(caller, permission, queueName);
  }

  #watch(call: JudgedCall, refused: (error: unknown) => void): () => void {
    let isEnded = false;
    let cancelExpiry: CancelTimer | undefined;
    const judge = async () => {
      try {
        const caller = await this.#access.refresh(call.caller);
        await this.#authorizer.authorize(caller, call.permission, call.queueName);
        if (!isEnded) judgeAtExpiry(caller);
      } catch (error) {
        if (isEnded) return;
        end();
        refused(error);
      }
    };
    // A rotation of the key gives its earlier secret an end.
    const judgeAtExpiry = ({ principal: { expiresAt } }: Caller) => {
      cancelExpiry?.();
      cancelExpiry = undefined;
      if (expiresAt === undefined) return;
      // A timer may fire a little early.
      const leftMs = Math.max(millisecondsBetween(this.#clock.now(), expiresAt), 0);
      cancelExpiry = this.#clock.startTimer(leftMs + 1, () => void judge());
    };
    const endChanges = this.#access.onChange(() => void judge());
    const end = () => {
      isEnded = true;
      endChanges();
      cancelExpiry?.();
    };
    // Access may have changed between the authorization of the call and now.
    void judge();
    return end;
  }
}

/** The credentials of a request that may have come through proxies. */
class ForwardedCredentials implements Credentials {
  readonly #headers: CallCredentials;
  readonly #addresses: ClientAddresses;
  readonly authorization: string | undefined;

  constructor(headers: CallCredentials, addresses: ClientAddresses) {
    this.#headers = headers;
    this.#addresses = addresses;
    this.authorization = headers.authorization;
  }

  get address(): string {
    return this.#addresses.of(this.#headers);
  }

  get clientCertificate(): string | undefined {
    return this.#headers.clientCertificate;
  }

  get connection(): object | undefined {
    return this.#headers.connection;
  }
}
