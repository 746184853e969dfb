import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundProgram, freePort } from '@querator/tooling-processes';
import { redisProgram } from './debian-tools.ts';

const START_LIMIT_MS = 10_000;
const STOP_LIMIT_MS = 5_000;
const LOOK_AGAIN_MS = 20;

/** A Redis that has each write on disk before it answers, as PostgreSQL has. */
export class Redis {
  readonly port: number;
  readonly #program: BackgroundProgram;
  readonly #folder: string;

  private constructor(port: number, program: BackgroundProgram, folder: string) {
    this.port = port;
    this.#program = program;
    this.#folder = folder;
  }

  /** @throws Error if Redis cannot be installed or does not start. */
  static async start(): Promise<Redis> {
    const path = redisProgram();
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'querator-redis-'));
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder];
    const program = BackgroundProgram.start({
      runAs: { name: 'this account', prefix: [] },
      program: path,
      args: [...place, ...durable],
    });
    const redis = new Redis(port, program, folder);
    for (let waitedMs = 0; !(await answers(port)); waitedMs += LOOK_AGAIN_MS) {
      if (waitedMs > START_LIMIT_MS || !program.isRunning) {
        await redis.stop();
        throw new Error(`redis did not start: ${program.output}`);
      }
      await sleep(LOOK_AGAIN_MS);
    }
    return redis;
  }

  async stop(): Promise<void> {
    await this.#program.stop(STOP_LIMIT_MS);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
