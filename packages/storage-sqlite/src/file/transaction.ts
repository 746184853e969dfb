import type { Instant } from '@querator/core';
import type { Connection } from './connection.ts';
import type { Partitions } from './partitions.ts';
import type { Sequence } from './sequence.ts';

/** What a call works with: an open transaction on the file. */
export interface Transaction {
  readonly connection: Connection;
  /** When the main thread handed the call over. Later calls never have an earlier time than the clock did. */
  readonly now: Instant;
  readonly sequence: Sequence;
  readonly partitions: Partitions;
  /** Another text in a copy of the file, and after an opening that may have lost commits. */
  readonly lineage: string;
}
