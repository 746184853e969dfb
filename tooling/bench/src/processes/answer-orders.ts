import process from 'node:process';
import type { Answer, Commands, Order } from './bench-process.ts';

/** The process's own side: does what the main process asks for, one order after the other or several at once. */
export function answerOrders<C extends Commands<C>>(commands: C): void {
  const send = (answer: Answer) => process.send?.(answer);
  process.on('message', async ({ number, command, argument }: Order) => {
    try {
      const run = commands[command as keyof C] as unknown as (argument: unknown) => Promise<unknown>;
      send({ number, result: await run(argument) });
    } catch (error) {
      send({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  // Whatever ends the main process ends its processes.
  process.on('disconnect', () => process.exit());
  send({ ready: true });
}
