import { spawnSync } from 'node:child_process';

/** Returns why there is no SQS to test with, or undefined. Moto is a Python program that answers as AWS does. */
export function whyNoMoto(): string | undefined {
  const { error } = spawnSync('moto_server', ['--help'], { stdio: 'ignore' });
  return error === undefined ? undefined : `needs moto_server: pip install 'moto[server,sqs]'`;
}
