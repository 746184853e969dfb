import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** The owner's output about its cluster. */
export interface Owned {
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
}

/** Runs `owner.ts` in a child process. */
export async function startOwner(
  args: string[],
  env = process.env,
): Promise<{ owner: ChildProcess; owned: Owned }> {
  const script = fileURLToPath(new URL('./owner.ts', import.meta.url));
  const owner = spawn(process.execPath, [script, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = once(owner, 'exit').then(([code]) => {
    throw new Error(`the owner ended with ${code}`);
  });
  const [line] = (await Promise.race([once(owner.stdout, 'data'), failed])) as [Buffer];
  // The tests are about its end.
  failed.catch(() => {});
  return { owner, owned: JSON.parse(line.toString()) as Owned };
}

/** Ends the owner and waits for its end. */
export async function end(owner: ChildProcess, how: NodeJS.Signals | 'exit'): Promise<void> {
  const ended = once(owner, 'exit');
  if (how === 'exit') owner.stdin?.write('now\n');
  else owner.kill(how);
  await ended;
}
