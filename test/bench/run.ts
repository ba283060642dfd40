/** `npm run bench`: what a governed call costs, as a ratio to nginx and to a proxy without governance in the same run. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { mintToken } from '../../shared/token.ts';
import { eventually, ROOT, type Program } from '../support/processes.ts';
import { CONTENDERS, startContender, startRedis, startUpstream, startUsageReader, type Contender, type ContenderName } from './contenders.ts';
import type { Figures } from './goals.ts';
import { CALL, LoadFailed, writeScripts } from './load.ts';
import { countScriptsOfOneCall, measureRound, measureWaiting, warmUp, type Round } from './measure.ts';
import { writeCallsPart } from './performance-page.ts';
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
    const { calls, denied } = compareCounts(name, name === 'governed-with-redis' ? reader : program, upstream.program, `/${name}`);
    if (denied > 0 && figures.failedWindows === 0) throw new Error(`${name} denied ${denied} calls that its load took for answers`);
    process.stderr.write(`${name}: ${calls} calls reached the tool server, ${denied} were denied, and each has its usage event\n`);
  }
  publish(figures);
}

async function measureAll(contenders: readonly Contender[], upstreamOrigin: string, redis: { program: Program; client: Redis }): Promise<Figures> {
  const scripts = new Map(contenders.map(({ name, token }) => [name, writeScripts(stage.directory(name), token)]));
  const figures: Figures = { contenders: new Map(contenders.map(({ name }) => [name, []])), direct: [], failedWindows: 0, scriptsOfOneCall: undefined };
  process.stderr.write('a round that does not count, in which programs that have just started are compiled\n');
  for (const contender of contenders) {
    const own = scripts.get(contender.name);
    if (own !== undefined) await warmUp(contender, own);
  }
  for (let number = 1; number <= options.rounds; number++) {
    process.stderr.write(`round ${number} of ${options.rounds}\n`);
    for (const contender of contenders) {
      const own = scripts.get(contender.name);
      if (own !== undefined) await addRound(figures, number, () => measureRound(contender, own, redis, options.seconds), contender.name);
    }
    const [anyScripts] = scripts.values();
    if (anyScripts !== undefined) figures.direct.push(await measureWaiting(`${upstreamOrigin}/direct`, anyScripts));
  }
  const governed = contenders.find(({ name }) => name === 'governed-with-redis');
  if (governed !== undefined) figures.scriptsOfOneCall = await countScriptsOfOneCall(governed, redis, CALL);
  return figures;
}

/** A machine that others keep busy makes Redis or a contender late, and calls are refused; such a window is left out, and the page says so. */
async function addRound(figures: Figures, number: number, measure: () => Promise<Omit<Round, 'number'>>, name: ContenderName): Promise<void> {
  try {
    const measured = await measure();
    figures.contenders.get(name)?.push({ number, ...measured });
    process.stderr.write(`  ${name}: ${measured.cpuMicros.toFixed(1)} µs a call; others had ${(measured.othersShare * 100).toFixed(0)} % of the core\n`);
  } catch (error) {
    if (!(error instanceof LoadFailed)) throw error;
    figures.failedWindows++;
    process.stderr.write(`  ${name}: left out, ${error.message}\n`);
  }
}

function publish(figures: Figures): void {
  const page = report(figures, options);
  process.stdout.write(`${page}\n`);
  const results = join(ROOT, 'test/bench/results');
  mkdirSync(results, { recursive: true });
  const { contenders, ...rest } = figures;
  const record = { date: new Date().toISOString(), ...options, contenders: Object.fromEntries(contenders), ...rest };
  writeFileSync(join(results, 'latest.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  if (options.write) writeCallsPart(page);
}
