import type { AccessControl, QueueAuthorizer } from '@querator/access';
import {
  type Caller,
  type CancelTimer,
  type Clock,
  millisecondsBetween,
  type Permission,
} from '@querator/core';
import type { CallHeaders } from './call-headers.ts';
import type { Gate, JudgedCall, WatchCall } from './gate.ts';

/** The gate of a server with access control, or with access control switched off. */
export class AccessGate implements Gate {
  readonly #access: AccessControl;
  readonly #authorizer: QueueAuthorizer;
  readonly #clock: Clock;
  readonly watch: WatchCall | undefined;

  constructor(deps: {
    readonly access: AccessControl;
    readonly authorizer: QueueAuthorizer;
    readonly clock: Clock;
  }) {
    const { access, authorizer, clock } = deps;
    this.#access = access;
    this.#authorizer = authorizer;
    this.#clock = clock;
    this.watch = access.enforced ? (call, refused) => this.#watch(call, refused) : undefined;
  }

  authenticate(headers: CallHeaders): Caller | Promise<Caller> {
    return this.#access.authenticate(headers);
  }

  authorize(caller: Caller, permission: Permission, queueName: string): void | Promise<void> {
    return this.#authorizer.authorize(caller, permission, queueName);
  }

  #watch(call: JudgedCall, refused: (error: unknown) => void): () => void {
    let cancelExpiry: CancelTimer | undefined;
    const judge = async () => {
      try {
        const caller = await this.#access.refresh(call.caller);
        await this.#authorizer.authorize(caller, call.permission, call.queueName);
      } catch (error) {
        end();
        refused(error);
      }
    };
    const endChanges = this.#access.onChange(() => void judge());
    const { expiresAt } = call.caller.principal;
    const judgeAtExpiry = () => {
      if (expiresAt === undefined) return;
      // A timer may fire a little early.
      const leftMs = millisecondsBetween(this.#clock.now(), expiresAt);
      if (leftMs <= 0) void judge();
      else cancelExpiry = this.#clock.startTimer(leftMs + 1, judgeAtExpiry);
    };
    judgeAtExpiry();
    const end = () => {
      endChanges();
      cancelExpiry?.();
    };
    return end;
  }
}
