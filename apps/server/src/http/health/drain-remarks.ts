import type { DrainState } from '@querator/engine';

/** What `/health` says of a storage that drains. Undefined: it does not. */
export function drainRemark(state: DrainState | undefined): string | undefined {
  if (state === undefined) return undefined;
  if (state.canBeSwitchedOff)
    return 'it is empty and can be switched off, once no server has it in its configuration';
  return `it drains: ${state.holds.join('; ')}`;
}
