import type { Time } from './types.ts';

/** Where a dead letter came from. */
export interface ItemSource {
  readonly queue?: string;
  readonly partition?: number;
  readonly id?: string;
  readonly first_id?: string;
  readonly attempts?: number;
  readonly produced_at?: Time;
  readonly died_at?: Time;
  readonly reason?: string;
  readonly error?: string;
}

/** An item as `items.find` shows it. */
export interface Item {
  /** Absent: it is leased, and the caller may not complete it. */
  readonly id?: string;
  readonly partition?: number;
  readonly state: string;
  readonly first_id?: string;
  readonly source_id?: string;
  readonly reference?: string;
  readonly encoding?: string;
  readonly kind?: string;
  readonly attempts?: number;
  readonly max_attempts?: number;
  readonly created_at?: Time;
  readonly lease_deadline?: Time;
  readonly expire_deadline?: Time;
  readonly enqueue_at?: Time;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly error?: string;
  readonly source?: ItemSource;
  readonly reason?: string;
  readonly died_at?: Time;
  readonly payload_size?: number;
  /** In base64. */
  readonly payload?: string;
}

/** From then on, and before then. An absent bound is none. */
export interface TimeRange {
  readonly from?: Time;
  readonly to?: Time;
}

/** Which items. An absent field is no condition. */
export interface ItemsFilter {
  readonly state?: string;
  readonly ids?: readonly string[];
  readonly first_id?: string;
  readonly source_id?: string;
  readonly reference?: string;
  readonly kind?: string;
  readonly encoding?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly error?: string;
  readonly reason?: string;
  readonly source_queue?: string;
  readonly without_error?: boolean;
  readonly created?: TimeRange;
  readonly due?: TimeRange;
  /** In base64. */
  readonly payload?: string;
}

/** A word, and how many items have it. */
export interface ItemsGroup {
  readonly value?: string;
  readonly count: number;
}
