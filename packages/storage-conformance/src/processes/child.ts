import process from 'node:process';
import { type Actions, actionsOn, openByDriver } from './actions.ts';
import type { Ask, Reply } from './messages.ts';

/**
 * A process of the suite with a backend of its own: `node child.js MODULE`. It answers the
 * parent's messages until the parent ends it.
 */
const [, , module = ''] = process.argv;
let actions: Actions | undefined;

const send = (reply: Reply) => void process.send?.(reply);

async function answer({ id, action, args }: Ask): Promise<unknown> {
  if (action === 'open') {
    const { driver } = await import(module);
    actions = actionsOn(openByDriver(driver, args[0]));
    return undefined;
  }
  if (actions === undefined) throw new Error('the process has no storage yet');
  const report = (value: number) => send({ id, reported: value });
  const call = actions[action] as (...given: unknown[]) => Promise<unknown>;
  return call(...args, report);
}

process.on('message', (ask: Ask) => {
  answer(ask).then(
    (value) => send({ id: ask.id, value }),
    (error: Error) => send({ id: ask.id, error: error.stack ?? error.message }),
  );
});
// The parent is gone, or wants the end.
process.on('disconnect', () => process.exit());
