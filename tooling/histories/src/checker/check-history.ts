import type { History } from '../history/history.ts';
import { DEFAULT_ALLOWANCES } from './allowances.ts';
import { HiddenTimes } from './hidden-times.ts';
import { recordsOf } from './item-records.ts';
import { attempts } from './rules/attempts.ts';
import { clearing } from './rules/clearing.ts';
import { deletions } from './rules/deletions.ts';
import { extending } from './rules/extending.ts';
import { firing } from './rules/firing.ts';
import { handles } from './rules/handles.ts';
import { holding } from './rules/holding.ts';
import { keys } from './rules/keys.ts';
import { letterOrder } from './rules/letter-order.ts';
import { letters } from './rules/letters.ts';
import { losses } from './rules/losses.ts';
import { moves } from './rules/moves.ts';
import { order } from './rules/order.ts';
import { origin } from './rules/origin.ts';
import { requests } from './rules/requests.ts';
import { returns } from './rules/returns.ts';
import { schedule } from './rules/schedule.ts';
import { settlement } from './rules/settlement.ts';
import { staysOf } from './stays.ts';
import type { Violation } from './violation.ts';

/**
 * Checks a history against the rules of the queue, which README.md describes.
 * Every violation is certain: it does not depend on anything that clients cannot
 * know.
 *
 * @returns what no correct queue can have done.
 */
export function checkHistory(history: History, allowances = DEFAULT_ALLOWANCES): readonly Violation[] {
  const records = recordsOf(history);
  const stays = staysOf(records, allowances);
  const hidden = new HiddenTimes(history, allowances);
  return [
    ...origin(records),
    ...handles(records),
    ...holding(records, allowances),
    ...attempts(records, allowances),
    ...settlement(records, allowances),
    ...extending(records, allowances),
    ...schedule(records, allowances),
    ...requests(records, stays, hidden),
    ...keys(records),
    ...order(stays, hidden),
    ...clearing(records, stays, hidden),
    ...letters(records),
    ...letterOrder(records, stays, hidden, allowances),
    ...returns(records, stays, allowances),
    ...deletions(records, allowances),
    ...firing(history),
    ...moves(history),
    ...losses(records),
  ];
}
