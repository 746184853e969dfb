import type { Caller, Permission } from '@querator/core';
import type { AnyEndpoint } from '@querator/protocol';
import type { CallHeaders } from './call-headers.ts';

/** The headers by which a caller is known. */
export type CallCredentials = Pick<
  CallHeaders,
  'authorization' | 'forwardedFor' | 'clientCertificate' | 'address' | 'connection'
> &
  Partial<Pick<CallHeaders, 'cookie' | 'host' | 'origin' | 'fetchSite'>>;

/** Decides who makes a call, and whether they may make it. */
export interface Gate {
  /**
   * Who makes a call. Returns a promise only if it has to wait.
   *
   * @param endpoint of the call. Undefined: this is no call of the API, but a request for a page.
   * @throws QueueError `unauthenticated`, `forbidden`, `limited` or `retry`. The promise may
   *   reject with them too, or with a StorageError.
   */
  authenticate(headers: CallCredentials, endpoint?: AnyEndpoint): Caller | Promise<Caller>;

  /**
   * The caller of a call that is about to run, with the permissions of this
   * moment: access may have changed while its body arrived, or while the call
   * waited for its turn. Returns a promise only if it has to wait.
   *
   * @throws as `authenticate`.
   */
  renew(caller: Caller): Caller | Promise<Caller>;

  /**
   * Whether a caller may make a call on a queue. Returns a promise only if it has
   * to wait.
   *
   * @throws QueueError `forbidden`. The promise may reject with it too, or with a
   *   StorageError.
   */
  authorize(caller: Caller, permission: Permission, queueName: string): void | Promise<void>;

  /** Judges calls that wait. Undefined: access never changes. */
  readonly watch: WatchCall | undefined;
}

/** A call on a queue, with who makes it. */
export interface JudgedCall {
  readonly caller: Caller;
  readonly permission: Permission;
  readonly queueName: string;
}

/**
 * Judges a call at once, whenever access changes, and when its credentials end.
 *
 * @param refused is called at most once, and not after the end of the watch, with the error, if the caller may no longer make the call.
 * @returns ends the watch.
 */
export type WatchCall = (call: JudgedCall, refused: (error: unknown) => void) => () => void;
