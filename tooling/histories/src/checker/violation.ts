import type { Operation } from '../history/history.ts';

/** The rules, by the names of their files. */
export type RuleName =
  | 'origin'
  | 'handles'
  | 'attempts'
  | 'holding'
  | 'settlement'
  | 'requests'
  | 'order'
  | 'schedule'
  | 'clearing'
  | 'losses';

/** Something in a history that no queue by the rules can have done. */
export interface Violation {
  readonly rule: RuleName;
  /** The items it is about; the same violation has the same ones, whatever else the history holds. */
  readonly items: readonly string[];
  readonly operations: readonly Operation[];
  /** One sentence for people. */
  readonly text: string;
}
