/** `npm run bench`: what a governed call costs, as a ratio to nginx and to a proxy without governance in the same run. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { mintToken } from '../../shared/token.ts';
import { eventually, ROOT, type Program } from '../support/processes.ts';
import { CONTENDERS, startContender, startRedis, startUpstream, startUsageReader, type Contender } from './contenders.ts';
import type { Figures } from './goals.ts';
import { CALL, writeScripts } from './load.ts';
import { countScriptsOfOneCall, measureRound, measureWaiting } from './measure.ts';
import { report } from './report.ts';
import { compile, requirePrograms } from './rig.ts';
import { Stage } from './stage.ts';
import { compareCounts, stopReader } from './verify-records.ts';

const optionsSchema = z.object({
  rounds: z.coerce.number().int().min(1),
  seconds: z.coerce.number().int().min(1),
  only: z.string().transform((names) => z.array(z.enum(CONTENDERS)).min(1).parse(names.split(','))),
  write: z.boolean(),
});
const options = optionsSchema.parse(
  parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      only: { type: 'string', default: CONTENDERS.join(',') },
      write: { type: 'boolean', default: false },
    },
  }).values,
);

try {
  requirePrograms();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
compile();

const stage = new Stage();
await stage.run(bench);

async function bench(): Promise<void> {
  const upstream = await startUpstream(stage);
  const redis = await startRedis(stage);
  const client = new Redis(redis.url, { protocol: 2 });
  // It is still starting; whether it comes is asked right below.
  client.on('error', () => undefined);
  await eventually(() => client.ping(), 'Redis answering');
  const reader = startUsageReader(stage, redis.url);
  const contenders: Contender[] = [];
  for (const name of options.only) {
    contenders.push(await startContender(name, { stage, upstreamUrl: `${upstream.origin}/${name}`, redisUrl: redis.url, token: mintToken('apiKey').token }));
  }
  const figures = await measureAll(contenders, upstream.origin, { program: redis.program, client });

  for (const { program } of contenders) await program.stop();
  await stopReader(reader, client);
  client.disconnect();
  await upstream.program.stop();
  for (const { name, program } of contenders) {
    if (name !== 'governed-with-redis' && name !== 'governed-in-process') continue;
    const calls = compareCounts(name, name === 'governed-with-redis' ? reader : program, upstream.program, `/${name}`);
    process.stderr.write(`${name}: ${calls} calls, as many usage events\n`);
  }
  publish(figures);
}

async function measureAll(contenders: readonly Contender[], upstreamOrigin: string, redis: { program: Program; client: Redis }): Promise<Figures> {
  const scripts = new Map(contenders.map(({ name, token }) => [name, writeScripts(stage.directory(name), token)]));
  const figures: Figures = { contenders: new Map(contenders.map(({ name }) => [name, []])), direct: [], scriptsOfOneCall: undefined };
  for (let round = 1; round <= options.rounds; round++) {
    process.stderr.write(`round ${round} of ${options.rounds}\n`);
    for (const contender of contenders) {
      const own = scripts.get(contender.name);
      if (own === undefined) continue;
      const measured = await measureRound(contender, own, redis, options.seconds);
      figures.contenders.get(contender.name)?.push(measured);
      const { cpuMicros, othersShare } = measured;
      process.stderr.write(`  ${contender.name}: ${cpuMicros.toFixed(1)} µs a call; others had ${(othersShare * 100).toFixed(0)} % of the core\n`);
    }
    const [anyScripts] = scripts.values();
    if (anyScripts !== undefined) figures.direct.push(await measureWaiting(`${upstreamOrigin}/direct`, anyScripts));
  }
  const governed = contenders.find(({ name }) => name === 'governed-with-redis');
  if (governed !== undefined) figures.scriptsOfOneCall = await countScriptsOfOneCall(governed, redis, CALL);
  return figures;
}

function publish(figures: Figures): void {
  const page = report(figures, options);
  process.stdout.write(`${page}\n`);
  const results = join(ROOT, 'test/bench/results');
  mkdirSync(results, { recursive: true });
  const { contenders, ...rest } = figures;
  const record = { date: new Date().toISOString(), ...options, contenders: Object.fromEntries(contenders), ...rest };
  writeFileSync(join(results, 'latest.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  if (options.write) writeFileSync(join(ROOT, 'docs/performance.md'), page);
}
