/** Profiles one contender under the closed loop, and prints where its time goes: `npx tsx test/bench/profile.ts [--contender name] [--seconds N] [--top N]`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { mintToken } from '../../shared/token.ts';
import { CONTENDERS, startContender, startRedis, startUpstream, startUsageReader } from './contenders.ts';
import { functionTimes, type FunctionTime, type Span } from './cpu-profile.ts';
import { runLoad, writeScripts } from './load.ts';
import { compile, requirePrograms } from './rig.ts';
import { Stage } from './stage.ts';

const SAMPLE_MICROS = 250;
const options = z
  .object({ contender: z.enum(CONTENDERS).exclude(['nginx']), seconds: z.coerce.number().int().min(1), top: z.coerce.number().int().min(1) })
  .parse(
    parseArgs({
      options: {
        contender: { type: 'string', default: 'governed-with-redis' },
        seconds: { type: 'string', default: '8' },
        top: { type: 'string', default: '40' },
      },
    }).values,
  );

requirePrograms();
compile();
const stage = new Stage();
await stage.run(profile);

async function profile(): Promise<void> {
  const upstream = await startUpstream(stage);
  const redis = await startRedis(stage);
  startUsageReader(stage, redis.url);
  const profiles = stage.directory('profiles');
  const contender = await startContender(options.contender, {
    stage,
    upstreamUrl: `${upstream.origin}/mcp`,
    redisUrl: redis.url,
    token: mintToken('apiKey').token,
    nodeOptions: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-interval=${SAMPLE_MICROS}`],
  });
  const { closedLoop } = writeScripts(stage.directory('load'), contender.token);
  const { window, before, after } = await runLoad(contender.url, closedLoop, options.seconds, () => Promise.resolve(Number(process.hrtime.bigint() / 1000n)));
  // The profile is written as the process ends.
  await contender.program.stop();
  const span = { fromMicros: before, toMicros: after };
  for (const file of readdirSync(profiles)) print(functionTimes(readFileSync(join(profiles, file), 'utf8'), span), window.calls, span);
}

function print(times: readonly FunctionTime[], calls: number, span: Span): void {
  const busyMicros = times.reduce((sum, { selfMicros }) => sum + selfMicros, 0);
  const areas = new Map<string, number>();
  for (const time of times) areas.set(areaOf(time), (areas.get(areaOf(time)) ?? 0) + time.selfMicros);
  const row = (micros: number, what: string) => `${(micros / calls).toFixed(2).padStart(8)} ${((100 * micros) / busyMicros).toFixed(1).padStart(6)} %  ${what}`;
  const functionRow = (micros: number, { name, place }: FunctionTime) => row(micros, `${name}  ${place}`);
  const lines = [
    `${calls} calls, ${(busyMicros / calls).toFixed(1)} µs a call while sampled, busy ${((100 * busyMicros) / (span.toMicros - span.fromMicros)).toFixed(0)} % of the time`,
    '\nµs a call by area',
    ...[...areas].toSorted(([, left], [, right]) => right - left).map(([area, micros]) => row(micros, area)),
    '\nµs a call by function, without what it called',
    ...times
      .toSorted((left, right) => right.selfMicros - left.selfMicros)
      .slice(0, options.top)
      .map((time) => functionRow(time.selfMicros, time)),
    '\nµs a call by function of ours, with what it called',
    ...times
      .filter(({ place }) => /^(?:data-plane|shared|test)\//.test(place))
      .toSorted((left, right) => right.totalMicros - left.totalMicros)
      .slice(0, options.top)
      .map((time) => functionRow(time.totalMicros, time)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** A directory of ours, a package, a module of Node, or V8 itself. */
function areaOf({ name, place }: FunctionTime): string {
  if (place === '') return name.startsWith('(') ? name : 'native functions';
  if (place.startsWith('node:'))
    return place.replace(/:\d+$/, '').startsWith('node:internal/') ? place.split('/').slice(0, 2).join('/').replace(/:\d+$/, '') : place.replace(/:\d+$/, '');
  return place.includes(':') ? place.replace(/\/[^/]*$/, '') : place;
}
