import type { Operation } from '../history/history.ts';

/** The rules, named like their files; `letters` has three. */
export type RuleName =
  | 'origin'
  | 'handles'
  | 'attempts'
  | 'holding'
  | 'settlement'
  | 'extending'
  | 'requests'
  | 'keys'
  | 'order'
  | 'schedule'
  | 'clearing'
  | 'letters'
  | 'returns'
  | 'firing'
  | 'moves'
  | 'losses';

/** Something in a history that no correct queue can have done. */
export interface Violation {
  readonly rule: RuleName;
  /** The items of the violation. They identify it in a smaller history. */
  readonly items: readonly string[];
  readonly operations: readonly Operation[];
  /** One sentence for the output. */
  readonly text: string;
}
