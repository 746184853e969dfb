import process from 'node:process';
import type { Answer, Commands, Order } from './bench-process.ts';

/** The child's side: runs the commands that the main process sends, several at once if need be. */
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
  // The child ends with the main process, however that ends.
  process.on('disconnect', () => process.exit());
  send({ ready: true });
}
