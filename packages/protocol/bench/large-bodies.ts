/**
 * Shows the longest time, in milliseconds of the processor, that decoding a hostile
 * body of 64 MB blocks the event loop, the time of all of it, and the turns: `pnpm --filter @querator/protocol bench:large`.
 */
import { LARGE_BODY } from '../src/index.ts';
import { hostileBodies, hostileCodec } from '../test/hostile-bodies.ts';

const BYTES = Number(process.argv[2] ?? 64_000_000);
const RULE = { limit: 65_536, report: { elementsReceived: undefined } };

for (const { name, format, body } of hostileBodies(BYTES)) {
  let longest = 0;
  let turns = 0;
  let from = cpuMs();
  const turn = () => {
    longest = Math.max(longest, cpuMs() - from);
    turns++;
  };
  const pause = async () => {
    turn();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    from = cpuMs();
  };
  const start = cpuMs();
  const outcome = await hostileCodec.decodeLarge(format, body, pause, RULE).then(
    () => 'decoded',
    (error: unknown) => String(error).slice(0, 100),
  );
  turn();
  const all = cpuMs() - start;
  const row = [longest.toFixed(1).padStart(7), all.toFixed(0).padStart(7), String(turns).padStart(6)];
  process.stdout.write(`${row.join(' ')}  ${name}: ${outcome}\n`);
}
process.stdout.write(`bodies of more than ${LARGE_BODY} bytes are decoded this way\n`);

/** Time of the processor, so that other processes do not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
