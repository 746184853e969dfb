/**
 * For `node --import`: what HISTORIES_VARIANT names is in force from the
 * start. Sources are changed as they are loaded, and nowhere else.
 */
import { registerHooks } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { MEMORY_VARIANTS } from './memory-variants.ts';
import { POSTGRES_VARIANTS } from './postgres-variants.ts';
import { editedSources } from './variant.ts';

const name = process.env['HISTORIES_VARIANT'];
const [kind, rest] = [name?.split(': ')[0], name?.split(': ').slice(1).join(': ')];
const variants = kind === 'memory' ? MEMORY_VARIANTS : POSTGRES_VARIANTS;
const chosen = variants.find((variant) => variant.name === rest);
if (chosen === undefined) throw new Error(`there is no variant '${name}'`);
const sources = editedSources(chosen);

registerHooks({
  load(url, context, nextLoad) {
    const source = url.startsWith('file:') ? sources.get(fileURLToPath(url)) : undefined;
    if (source === undefined) return nextLoad(url, context);
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});
