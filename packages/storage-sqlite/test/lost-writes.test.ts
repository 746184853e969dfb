import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import type { Instant, ItemContent } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Packed, unpack } from '../src/messages/packed-payloads.ts';
import { FileServer } from '../src/thread/serve-file.ts';

const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const STEPS = 40;
const FRAME_HEADER = 24;
const PAGE = 4_096;
const LOG_HEADER = 32;

/** What is on the disk once a step is acknowledged. */
interface Acknowledged {
  /** Bytes of the log that are synced. */
  readonly logBytes: number;
  readonly held: readonly string[];
}

/**
 * A disk that loses what was not synced. With `durability: full` each acknowledgement
 * follows a sync of the log, and the file itself changes only in a checkpoint. So a power
 * failure leaves the log as it was at the last acknowledgement, and after that any part of
 * what was written since, or anything else.
 */
describe(`a power failure (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const acknowledged: Acknowledged[] = [];
  let file: Buffer;
  let log: Buffer;
  let folder: string;
  let copies = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'querator-sqlite-'));
    const path = join(folder, 'queues.db');
    const program = fileURLToPath(new URL('./writer-process.ts', import.meta.url));
    const writer = fork(program, [path], { execArgv: ['--conditions=@querator/source'] });
    await once(writer, 'message');
    for (let number = 0; number < STEPS; number++) {
      writer.send(number);
      const [held] = (await once(writer, 'message')) as [string[]];
      acknowledged.push({ logBytes: statSync(`${path}-wal`).size, held });
    }
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    file = readFileSync(path);
    log = readFileSync(`${path}-wal`);
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What a storage finds that starts on these files. */
  function heldIn(files: { readonly file: Buffer; readonly log: Buffer }): readonly string[] {
    const copy = join(folder, `copy-${++copies}`);
    mkdirSync(copy);
    writeFileSync(join(copy, 'querator.db'), files.file);
    writeFileSync(join(copy, 'querator.db-wal'), files.log);
    const server = new FileServer({ path: copy, durability: 'full', role: 'write', seed: 'seed' });
    const key = { queue: 'mail', partition: 0 };
    const request = { state: 'queued', pivot: '', limit: 10_000 };
    const reply = server.answer({
      type: 'group',
      calls: [{ name: 'list', args: { key, request }, now: 0n as Instant }],
    });
    server.answer({ type: 'close' });
    const [result] = reply.ok ? reply.results : [];
    if (result?.ok !== true) throw new Error(JSON.stringify(reply));
    const items = unpack(result.value as Packed<ItemContent>);
    return items.map(({ payload }) => new TextDecoder().decode(payload).trim()).sort();
  }

  /** Expects what was held after a step, or also after the next one if that had begun. */
  function expectHeld(step: number, files: { readonly file: Buffer; readonly log: Buffer }): void {
    const allowed = [step, step + 1].map((each) => acknowledged[each]?.held);
    expect(allowed).toContainEqual(heldIn(files));
  }

  test('loses a commit whose last byte it loses, so that these tests would notice', () => {
    for (let step = 1; step < STEPS; step += 3) {
      const end = (acknowledged[step]?.logBytes ?? 0) - 1;
      expect(heldIn({ file, log: log.subarray(0, end) })).toEqual(acknowledged[step - 1]?.held);
    }
  });

  test('keeps all that was acknowledged, if the log is cut after any frame of the next commit', () => {
    for (let step = 0; step < STEPS; step += 3) {
      const from = acknowledged[step]?.logBytes ?? 0;
      const to = acknowledged[step + 1]?.logBytes ?? from;
      for (let end = from; end < to; end += FRAME_HEADER + PAGE) {
        expectHeld(step, { file, log: log.subarray(0, end) });
      }
    }
  });

  test('keeps all that was acknowledged, if the log is cut anywhere', () => {
    for (let step = 0; step < STEPS; step += 2) {
      const from = acknowledged[step]?.logBytes ?? 0;
      const to = acknowledged[step + 1]?.logBytes ?? from;
      const end = from + Math.floor(random.fraction() * (to - from));
      expectHeld(step, { file, log: log.subarray(0, end) });
    }
  });

  test('keeps all that was acknowledged, if the disk wrote anything after it', () => {
    for (let step = 1; step < STEPS; step += 3) {
      const from = acknowledged[step]?.logBytes ?? 0;
      const torn = Buffer.from(log);
      for (let at = from; at < torn.length; at += 512) {
        // The disk writes sectors in any order: some are there, some are not, some have old data.
        const sector = torn.subarray(at, Math.min(at + 512, torn.length));
        const fate = random.fraction();
        if (fate < 0.3) sector.fill(0);
        else if (fate < 0.5) log.copy(sector, 0, LOG_HEADER, LOG_HEADER + sector.length);
      }
      const found = heldIn({ file, log: torn });
      const later = acknowledged.slice(step).map(({ held }) => held);
      expect(later).toContainEqual(found);
    }
  });

  test('during a checkpoint keeps everything, whichever pages of the file the disk has', () => {
    const done = join(folder, 'checkpointed.db');
    writeFileSync(done, file);
    writeFileSync(`${done}-wal`, log);
    const database = new DatabaseSync(done);
    database.exec('pragma wal_checkpoint(full)');
    const after = readFileSync(done);
    database.close();
    for (let round = 0; round < 10; round++) {
      const mixed = Buffer.from(after);
      for (let at = 0; at < mixed.length; at += PAGE) {
        if (random.fraction() < 0.5 && at < file.length) file.copy(mixed, at, at, at + PAGE);
      }
      expect(heldIn({ file: mixed, log })).toEqual(acknowledged.at(-1)?.held);
    }
  });
});
