/** What has a quota: a namespace, or an API key. */
export type QuotaKind = 'namespace' | 'key';

/** Names a namespace or an API key. */
export interface QuotaSubject {
  readonly kind: QuotaKind;
  /** The name of the namespace, or the id of the key. */
  readonly name: string;
}

/** The limits of a quota, as whole numbers of at least 1. Undefined: no limit. */
export interface QuotaLimits {
  /** Queues in the namespace. */
  readonly queues?: number | undefined;
  /** Partitions of all queues in the namespace. */
  readonly partitions?: number | undefined;
  /** Items that the queues of the namespace hold, in any state. */
  readonly itemsWaiting?: number | undefined;
  /** Bytes of those items: payloads and texts. */
  readonly bytesWaiting?: number | undefined;
  readonly requestsPerSecond?: number | undefined;
  /** Items that producers and imports bring. */
  readonly itemsPerSecond?: number | undefined;
  /** Lease requests that are not answered yet. */
  readonly waitingConsumers?: number | undefined;
  readonly connections?: number | undefined;
}

/** The name of a limit. */
export type QuotaLimit = keyof QuotaLimits;

/** All limits, in the order in which they are listed. */
export const QUOTA_LIMITS = [
  'queues',
  'partitions',
  'itemsWaiting',
  'bytesWaiting',
  'requestsPerSecond',
  'itemsPerSecond',
  'waitingConsumers',
  'connections',
] as const satisfies readonly QuotaLimit[];

/** The limits of one namespace or API key. */
export interface Quota {
  /** A subject has at most one quota. It need not exist. */
  readonly subject: QuotaSubject;
  readonly limits: QuotaLimits;
}
