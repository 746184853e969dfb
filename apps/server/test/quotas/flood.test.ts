import { queueEndpoints } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { call, produceOf, setQuota, tenantWithQueue, useFrozenServer } from './support/quota-server.ts';

/** Refusals a second that are answered at once. */
const PROMPT = 100;
const FLOODERS = 30;

describe('a tenant that does not stop', () => {
  const { server, clock } = useFrozenServer('memory');

  test.each([{ scope: true }, { scope: false }])(
    'is answered ever more slowly, while others are served, with a scope: $scope',
    async ({ scope }) => {
      const flooding = await tenantWithQueue(server, { scope });
      const other = await tenantWithQueue(server);
      await setQuota(server, { namespace: flooding.namespace, limits: { requests_per_second: 5 } });
      const answers = new Map<number, number>();
      let isOver = false;
      const flood = async () => {
        while (!isOver) {
          const { status } = await call(server, queueEndpoints.produce, produceOf(flooding.queue), flooding);
          answers.set(status, (answers.get(status) ?? 0) + 1);
        }
      };
      const flooders = Array.from({ length: FLOODERS }, flood);
      for (let n = 0; n < 200; n++) {
        expect(await call(server, queueEndpoints.produce, produceOf(other.queue), other)).toMatchObject({
          status: 200,
        });
      }
      // The clock stands still, so no refusal that is held back has been answered.
      expect(answers.get(200)).toBe(5);
      expect(answers.get(429)).toBe(PROMPT);
      isOver = true;
      await clock.advance('1s');
      await Promise.all(flooders);
      expect(answers.get(429)).toBe(PROMPT + FLOODERS);
    },
  );
});
