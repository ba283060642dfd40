/** Measures calls with a large body, read by the parser of record and searched for 50 phrases, against nginx: `npx tsx test/bench/large-body.ts [--bytes N] [--rounds N] [--seconds N]`. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { mintToken } from '../../shared/token.ts';
import { startContender, startRedis, startUpstream, startUsageReader, type Contender } from './contenders.ts';
import { callOf, runLoad, writeScripts } from './load.ts';
import { compile, cpuMicrosOf, requirePrograms } from './rig.ts';
import { Stage } from './stage.ts';

const CONTENDERS = ['nginx', 'bare-proxy', 'governed-with-redis'] as const;
const WARM_UP_SECONDS = 5;
const count = z.coerce.number().int().min(1);
const options = z.object({ bytes: count.min(1000), rounds: count, seconds: count }).parse(
  parseArgs({
    options: { bytes: { type: 'string', default: '50000' }, rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '4' } },
  }).values,
);

requirePrograms();
compile();
const stage = new Stage();
await stage.run(async () => {
  const { origin } = await startUpstream(stage);
  const redis = await startRedis(stage);
  startUsageReader(stage, redis.url);
  const token = mintToken('apiKey').token;
  const least = new Map<string, number>();
  const contenders: Contender[] = [];
  for (const name of CONTENDERS) contenders.push(await startContender(name, { stage, upstreamUrl: `${origin}/${name}`, redisUrl: redis.url, token }));
  for (let round = 0; round <= options.rounds; round++) {
    for (const contender of contenders) {
      const cpuMicros = await measure(contender, round === 0 ? WARM_UP_SECONDS : options.seconds);
      // Programs that have just started are being compiled.
      if (round > 0) least.set(contender.name, Math.min(least.get(contender.name) ?? Infinity, cpuMicros));
      process.stderr.write(`round ${round}: ${contender.name} ${cpuMicros.toFixed(1)} µs a call\n`);
    }
  }
  const nginx = least.get('nginx') ?? Number.NaN;
  for (const [name, micros] of least)
    process.stdout.write(`${name}: ${micros.toFixed(1)} µs a call of ${options.bytes} bytes, ${(micros / nginx).toFixed(2)} × nginx\n`);
});

async function measure({ name, program, url, token }: Contender, seconds: number): Promise<number> {
  const { closedLoop } = writeScripts(stage.directory(name), token, { body: callOf(options.bytes) });
  const { window, before, after } = await runLoad(url, closedLoop, seconds, () => Promise.resolve(cpuMicrosOf(program)));
  return (after - before) / window.calls;
}
