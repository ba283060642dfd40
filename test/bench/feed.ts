/** `npm run bench:feed`: how soon a change of each kind is enforced by four data planes. `-- --changes N` of each kind, `--only` some, `--write` the table. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { startTestPostgres } from '../support/postgres.ts';
import { ROOT } from '../support/processes.ts';
import { startTestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { startToolUpstream } from '../support/tool-upstream.ts';
import { changeKinds, GOOD_TOKEN, type ChangeKind } from './feed-kinds.ts';
import { feedSection, type KindFigures } from './feed-report.ts';
import { writeFeedPart } from './performance-page.ts';
import { PROBE_TOOL, untilAllShow } from './watched-nodes.ts';

const NODES = 4;
/** Longer than changes are held back to go out together, so that each is a change of its own. */
const BETWEEN_CHANGES_MILLIS = 100;
/** Of each kind, not counted: what runs for the first time is still being compiled. An even number, so that switches are as they were. */
const WARM_UP_CHANGES = 2;

const options = z.object({ changes: z.coerce.number().int().min(1), only: z.string().optional(), write: z.boolean() }).parse(
  parseArgs({
    options: { changes: { type: 'string', default: '40' }, only: { type: 'string' }, write: { type: 'boolean', default: false } },
  }).values,
);
/** A kind that switches something ends as it began. */
const changesOfEach = options.changes + (options.changes % 2);

const [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startToolUpstream([{ name: PROBE_TOOL }])]);
upstream.intercept = (_, response, { authorization }) => {
  if (authorization === `Bearer ${GOOD_TOKEN}`) return false;
  response.writeHead(401).end();
  return true;
};
try {
  const stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
  try {
    publish(await measureAll(stack));
  } finally {
    await stack.close();
  }
} finally {
  await Promise.all([upstream.close(), redis.stop(), database.stop()]);
}

async function measureAll(stack: Stack): Promise<KindFigures[]> {
  const urls = [stack.gatewayUrl];
  while (urls.length < NODES) urls.push((await stack.startFurtherData()).url);
  const kinds = await changeKinds(stack.admin, upstream.url);
  await stack.settled();
  const figures: KindFigures[] = [];
  for (const kind of wanted(kinds)) {
    await measure(kind, WARM_UP_CHANGES, urls);
    figures.push({ kind: kind.name, millis: await measure(kind, changesOfEach, urls) });
    process.stderr.write(`${kind.name}: measured\n`);
  }
  return figures;
}

function wanted(kinds: readonly ChangeKind[]): readonly ChangeKind[] {
  const names = options.only?.split(',') ?? kinds.map(({ name }) => name);
  return names.map((name) => {
    const kind = kinds.find((each) => each.name === name);
    if (kind === undefined) throw new Error(`there is no kind '${name}', but ${kinds.map((each) => `'${each.name}'`).join(', ')}`);
    return kind;
  });
}

/** For each change the milliseconds from the answer to its mutation until the last node enforced it. */
async function measure(kind: ChangeKind, changes: number, urls: readonly string[]): Promise<number[]> {
  const millis: number[] = [];
  for (let round = 0; round < changes; round++) {
    const before = await kind.arrange?.();
    if (before !== undefined) await untilAllShow(urls, before, performance.now());
    await pause(BETWEEN_CHANGES_MILLIS);
    const sighting = await kind.change(round);
    millis.push(Math.max(...(await untilAllShow(urls, sighting, performance.now()))));
  }
  return millis;
}

function publish(figures: readonly KindFigures[]): void {
  const section = feedSection(figures, NODES);
  process.stdout.write(`${section}\n`);
  const results = join(ROOT, 'test/bench/results');
  mkdirSync(results, { recursive: true });
  const record = { date: new Date().toISOString(), nodes: NODES, changes: changesOfEach, figures };
  writeFileSync(join(results, 'feed.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  if (options.write) writeFeedPart(section);
}
