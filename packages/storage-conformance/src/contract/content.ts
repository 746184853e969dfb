import { SeededRandom } from '@querator/core/testing';
import { describe, expect } from 'vitest';
import { content, contentOf, importedItem, newItem, textsOf } from '../fixture/content.ts';
import { AUTO_COMMIT_TIMEOUT, EXPIRE_TIMEOUT, LEASE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const KIB = 1_024;

/** Sizes that storages treat differently: empty, a byte, a page, out of line, the largest. */
const PAYLOAD_BYTES = [0, 1, 255, 256, 2 * KIB, 8 * KIB, 64 * KIB + 1, KIB * KIB];

/** Texts that break drivers that build statements, arrays or keys from them. */
const TEXTS = [
  '',
  ' ',
  'plain',
  'Grüße, 世界, שלום, 😀, e\u0301',
  `'; DROP TABLE items; --`,
  '"quoted" and \\backslash\\ and {braces,commas} and $1 and %s',
  'NULL',
  'line\nfeed\r\ttab\u0001\u001f\u007f',
  '\ufeffmark \uffff last',
  'x'.repeat(2_000),
];

/** Items keep their content: "byte for byte", "It never changes". */
export function describeContent(test: StorageTest): void {
  describe('content', () => {
    // `list`: "Items keep their content byte for byte"; so does `lease`
    test('keeps payloads of 0 B to 1 MiB byte for byte', async (fixture) => {
      const script = fixture.script();
      const payloads = PAYLOAD_BYTES.map(randomBytes);
      await script.produceItems(payloads.map((payload) => ({ ...content('sized'), payload })));
      const listed = await script.queued();
      const leased = await script.lease();
      for (const items of [listed, leased]) {
        expect(items.map((item) => item.payload.length)).toEqual(PAYLOAD_BYTES);
        items.forEach((item, index) => {
          expect(Buffer.compare(item.payload, payloads[index] as Uint8Array)).toBe(0);
        });
      }
    });

    // all byte values, including those that are not UTF-8
    test('keeps every byte value', async (fixture) => {
      const script = fixture.script();
      const payload = Uint8Array.from({ length: 512 }, (_, index) => (index * 7) % 256);
      await script.produceItems([{ ...content('bytes'), payload }]);
      const [item] = await script.lease();
      expect(new Uint8Array(item?.payload ?? [])).toEqual(payload);
    });

    // any text is valid, except U+0000, which the engine refuses
    test('keeps texts of any Unicode characters in each text field', async (fixture) => {
      const script = fixture.script();
      const contents = TEXTS.map((text, index) => ({
        encoding: text,
        kind: TEXTS[(index + 1) % TEXTS.length] as string,
        reference: TEXTS[(index + 2) % TEXTS.length] as string,
        payload: new TextEncoder().encode(text),
      }));
      await script.produceItems(contents);
      expect((await script.queued()).map(contentOf)).toEqual(contents);
      expect((await script.lease()).map(contentOf)).toEqual(contents);
    });

    // "It never changes": in every way back into the queue
    test('keeps the content through retry, schedule, the end of a lease and death', async (fixture) => {
      const script = fixture.script();
      const given = { ...content('well-travelled'), payload: randomBytes(3_000) };
      await script.produceItems([given]);
      await script.retry({ id: await script.leaseOne() });
      await script.retry({ id: await script.leaseOne(), retryAt: script.in('1m') });
      expect((await script.scheduled()).map(contentOf)).toEqual([given]);
      await fixture.clock.advance('61s');
      await script.sweep();
      await script.lease();
      await fixture.clock.advance('61s');
      await script.sweep();
      expect((await script.queued()).map(contentOf)).toEqual([given]);
      await script.retry({ id: await script.leaseOne(), dead: true });
      expect((await script.sweep()).dead.map(contentOf)).toEqual([given]);
    });

    // the same for letters
    test('keeps the content of letters, prepared and committed', async (fixture) => {
      const script = fixture.script();
      const given = [
        ...TEXTS.map((text, index) => ({
          encoding: text,
          kind: TEXTS[(index + 1) % TEXTS.length] as string,
          reference: TEXTS[(index + 2) % TEXTS.length] as string,
          payload: randomBytes(index),
        })),
        ...PAYLOAD_BYTES.map((bytes) => ({ ...content('sized'), payload: randomBytes(bytes) })),
      ];
      const sourceIds = given.map((_, index) => `letter ${index}`);
      await script.store.prepareLetters(
        given.map((each, index) => ({ ...each, sourceId: sourceIds[index] as string })),
        { expireTimeout: EXPIRE_TIMEOUT, autoCommitTimeout: AUTO_COMMIT_TIMEOUT },
      );
      const prepared = await script.prepared();
      await script.store.commitLetters(sourceIds);
      for (const items of [prepared, await script.queued(), await script.lease()]) {
        expect(items).toHaveLength(given.length);
        items.forEach((item, index) => {
          const { payload, ...texts } = contentOf(item);
          const { payload: bytes, ...expected } = given[index] as (typeof given)[number];
          expect(texts).toEqual(expected);
          expect(Buffer.compare(payload, bytes)).toBe(0);
        });
      }
    });

    // a driver copies what it stores: the caller may change its buffer after the call
    test('does not change if the caller changes its buffer later', async (fixture) => {
      const script = fixture.script();
      const whole = new Uint8Array([9, 1, 2, 3, 9]);
      const payload = whole.subarray(1, 4);
      await script.produceItems([{ ...content('view'), payload }]);
      await script.store.import([importedItem('view', { payload })], EXPIRE_TIMEOUT);
      await script.store.prepareLetters([{ ...content('view'), payload, sourceId: 'source' }], {
        expireTimeout: EXPIRE_TIMEOUT,
        autoCommitTimeout: AUTO_COMMIT_TIMEOUT,
      });
      whole.fill(0);
      for (const item of [...(await script.queued()), ...(await script.prepared())]) {
        expect(new Uint8Array(item.payload)).toEqual(new Uint8Array([1, 2, 3]));
      }
    });

    // a driver returns copies: the caller may change them
    test('does not change if the caller changes a result', async (fixture) => {
      const script = fixture.script();
      await script.produce('kept');
      (await script.queued())[0]?.payload.fill(0);
      (await script.store.lease({ limit: 1, leaseTimeout: LEASE_TIMEOUT }))[0]?.payload.fill(0);
      expect(await script.queuedTexts()).toEqual(['kept']);
    });

    // the exact queue name and the number identify a partition
    test('keeps apart queues with similar names, and partitions of one queue', async (fixture) => {
      const base = fixture.name('-Queue');
      const long = `${base}${'é'.repeat(256)}`.slice(0, 250);
      const padded = long + 'x'.repeat(511 - Buffer.byteLength(long));
      const keys = [
        ...[0, 1, 10, 11, 100].map((partition) => ({ queue: base, partition })),
        ...[
          base.toLowerCase(),
          base.toUpperCase(),
          `${base}1`,
          `${base}_0`,
          `${base} `,
          `${base}'`,
          `${base}"`,
        ].map((queue) => ({ queue, partition: 0 })),
        ...['a', 'b'].map((end) => ({ queue: padded + end, partition: 0 })),
        { queue: `${base}/0`, partition: 1 },
      ];
      expect(Buffer.byteLength(`${padded}a`)).toBe(512);
      for (const key of keys) {
        await fixture.script(fixture.backend.partitionStore(key)).produce(JSON.stringify(key));
      }
      for (const key of keys) {
        const script = fixture.script(fixture.backend.partitionStore(key));
        expect(await script.queuedTexts()).toEqual([JSON.stringify(key)]);
      }
    });

    // the ids of one queue are unknown in another
    test('does not find an id in another partition', async (fixture) => {
      const [here, there] = [fixture.script(), fixture.script()];
      await here.produce('here');
      await there.produce('there');
      const id = await here.leaseOne();
      await there.lease();
      const [outcome] = await there.store.complete([{ ids: [id] }]);
      expect(outcome?.ok).toBe(false);
      expect(await there.store.delete([id])).toBe(0);
      expect(textsOf(await here.queued())).toEqual(['here']);
    });

    // a scheduled item keeps its exact content
    test('keeps the content of scheduled items', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('later', script.in('1h'))]);
      expect((await script.scheduled()).map(contentOf)).toEqual([content('later')]);
    });
  });
}

function randomBytes(length: number): Uint8Array {
  const random = new SeededRandom(length + 1);
  return Uint8Array.from({ length }, () => Math.floor(random.fraction() * 256));
}
