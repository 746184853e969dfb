/**
 * For `node --import`: loads the sources as the variant named by
 * HISTORIES_VARIANT changes them. The files stay as they are.
 */
import { registerHooks } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { nameOf, STORAGES, sourcesOf, variantsOf } from './variant.ts';

const name = process.env['HISTORIES_VARIANT'] ?? '';
const variant = STORAGES.flatMap(variantsOf).find((each) => nameOf(each) === name);
if (variant === undefined) throw new Error(`there is no variant '${name}'`);
const sources = sourcesOf(variant.storage).mutated(variant);

registerHooks({
  load(url, context, nextLoad) {
    const source = url.startsWith('file:') ? sources.get(fileURLToPath(url)) : undefined;
    if (source === undefined) return nextLoad(url, context);
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});
