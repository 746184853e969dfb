import { bodyCheckTable, callCheckTable, groupCheckTable, headerCheckTable } from './tables/check-table.ts';
import { capabilityTable, optionalMemberTable } from './tables/driver-tables.ts';
import { accessEndpointTable, endpointTable, endpointTableV2 } from './tables/endpoint-table.ts';
import { errorCodeTable, errorReasonTable, fixedMessageTable } from './tables/error-tables.ts';
import { fieldTable } from './tables/field-table.ts';
import { engineLimitTable, requestLimitTable } from './tables/limit-table.ts';

const BLOCK = /<!-- generated: ([\w-]+)(?: (.+?))? -->\n[\s\S]*?<!-- end -->/g;

/** What stands between the marks of a block, by the word after `generated:`. */
const RENDERERS: ReadonlyMap<string, (argument: string) => string> = new Map([
  ['endpoints', endpointTable],
  ['access-endpoints', accessEndpointTable],
  ['v2-endpoints', endpointTableV2],
  ['fields', fieldTable],
  ['checks', callCheckTable],
  ['check-group', groupCheckTable],
  ['header-checks', headerCheckTable],
  ['body-checks', bodyCheckTable],
  ['error-codes', errorCodeTable],
  ['error-reasons', errorReasonTable],
  ['fixed-messages', fixedMessageTable],
  ['request-limits', requestLimitTable],
  ['engine-limits', engineLimitTable],
  ['capabilities', capabilityTable],
  ['optional-members', optionalMemberTable],
]);

/**
 * Fills the generated blocks of a page: what stands between
 * `<!-- generated: NAME ARGUMENT -->` and `<!-- end -->`.
 *
 * @throws Error for a block of an unknown name or argument.
 */
export function fillBlocks(page: string): string {
  return page.replace(BLOCK, (_, name: string, argument: string | undefined) => {
    const render = RENDERERS.get(name);
    if (render === undefined) throw new Error(`there is no generated block named '${name}'`);
    const words = argument === undefined ? name : `${name} ${argument}`;
    return `<!-- generated: ${words} -->\n\n${render(argument ?? '')}\n\n<!-- end -->`;
  });
}
