import type { Actions } from './actions.ts';

/** What the parent asks a process for. */
export interface Ask {
  readonly id: number;
  readonly action: keyof Actions | 'open';
  readonly args: readonly unknown[];
}

/** What the process sends: a number that an action reports meanwhile, or its end. */
export type Reply =
  | { readonly id: number; readonly reported: number }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };
