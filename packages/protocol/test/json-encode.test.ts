import { describe, expect, it } from 'vitest';
import { codecs, encodeBody } from '../src/index.ts';
import { textOf } from './support.ts';

describe('toJson', () => {
  it.each(Object.entries(codecs))('%s at its defaults is {}', (_, codec) => {
    // TypeScript cannot call the union of all codecs with a message, so each counts as a codec of unknown.
    const { create, toJson } = codec as { create(): unknown; toJson(message: unknown): Uint8Array };
    expect(textOf(toJson(create()))).toBe('{}');
  });

  it('writes the JSON names, in declaration order', () => {
    const stats = codecs.QueueStatsResponse.create({
      queueName: 'q',
      logicalQueues: [
        {
          produceWaiting: 1,
          leaseWaiting: 2,
          completeWaiting: 3,
          inFlight: 4,
          partitions: [
            {
              partition: 0,
              total: 5,
              totalLeased: 1,
              averageAge: '1s',
              averageLeasedAge: '2s',
              scheduled: -1,
            },
          ],
        },
        {},
      ],
    });
    expect(textOf(codecs.QueueStatsResponse.toJson(stats))).toBe(
      '{"queue_name":"q","logicalQueues":[{"produce_waiting":1,"lease_waiting":2,"complete_waiting":3,' +
        '"in_flight":4,"partitions":[{"total":5,"total_leased":1,"average_age":"1s",' +
        '"average_leased_age":"2s","scheduled":-1}]},{}]}',
    );
  });

  it('writes a leased item', () => {
    const lease = codecs.QueueLeaseResponse.create({
      queueName: 'q',
      items: [
        { id: 'i', attempts: 1, leaseDeadline: { seconds: 0, nanos: 1_000 }, bytes: Uint8Array.of(1, 2) },
        { id: 'j', attempts: 2, leaseDeadline: { seconds: 0, nanos: 0 }, kind: 'k' },
      ],
    });
    expect(textOf(encodeBody(codecs.QueueLeaseResponse, 'json', lease))).toBe(
      '{"queue_name":"q","items":[' +
        '{"id":"i","attempts":1,"lease_deadline":"1970-01-01T00:00:00.000001Z","bytes":"AQI="},' +
        '{"kind":"k","id":"j","attempts":2,"lease_deadline":"1970-01-01T00:00:00Z"}]}',
    );
  });

  it('writes the empty elements of a list', () => {
    const request = codecs.QueueCompleteRequest.create({ ids: ['', 'a'] });
    expect(textOf(codecs.QueueCompleteRequest.toJson(request))).toBe('{"ids":["","a"]}');
  });

  it.each([
    ['plain', '"plain"'],
    ['"\\', '"\\"\\\\"'],
    ['\u0000\u001f\n\t', '"\\u0000\\u001f\\n\\t"'],
    ['\u007fä€😀', '"\u007fä€😀"'],
    ['</script>&\u2028', '"</script>&\u2028"'],
    ['x'.repeat(95), `"${'x'.repeat(95)}"`],
    ['x'.repeat(97), `"${'x'.repeat(97)}"`],
    [`${'x'.repeat(1_000)}"`, `"${'x'.repeat(1_000)}\\""`],
    ['€'.repeat(600), `"${'€'.repeat(600)}"`],
    ['a\ud800b', '"a\ufffdb"'],
  ])('escapes only the required characters: %j', (text, quoted) => {
    const json = textOf(codecs.QueuesInfoRequest.toJson({ queueName: text }));
    expect(json).toBe(`{"queue_name":${quoted}}`);
  });

  it('writes base64 of every length as Buffer does', () => {
    for (const length of [1, 2, 3, 4, 5, 255, 256, 257, 766, 767, 768, 769, 770, 5_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 151) & 0xff);
      const json = textOf(codecs.QueueProduceItem.toJson(codecs.QueueProduceItem.create({ bytes })));
      expect(json).toBe(`{"bytes":"${Buffer.from(bytes).toString('base64')}"}`);
    }
  });

  it('two results share no bytes', () => {
    const first = codecs.QueuesInfoRequest.toJson({ queueName: 'first' });
    codecs.QueuesInfoRequest.toJson({ queueName: 'other' });
    expect(textOf(first)).toBe('{"queue_name":"first"}');
  });

  it('writes Reply.details', () => {
    const reply = codecs.Reply.create({ code: 1, details: new Map(Object.entries({ a: 'b', c: '' })) });
    expect(textOf(codecs.Reply.toJson(reply))).toBe('{"code":1,"details":{"a":"b","c":""}}');
  });
});
