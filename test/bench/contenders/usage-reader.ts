/** Does for a data plane what a control plane does: reads the usage stream as its intake does, and opens windows; tells at its end how many events there were and how many of them were allowed. */
import { pino } from 'pino';
import { RedisUsageSource } from '../../../control-plane/usage-intake/redis-usage-source.ts';
import { startWindowOpener } from '../../support/window-opener.ts';
import { UsageTally } from '../usage-tally.ts';

const [redisUrl = ''] = process.argv.slice(2);
const source = new RedisUsageSource(redisUrl, pino({ level: 'silent' }));
// Nothing was used of any window before.
startWindowOpener(redisUrl);
const tally = new UsageTally(source);
process.once('SIGTERM', () => {
  process.stdout.write(`${tally.toString()}\n`, () => process.exit(0));
});
await tally.run();
