/** Measures open streams: memory of an idle one, and processor time of an event. `npx tsx test/bench/streams.ts [--idle N] [--busy N] [--seconds N]`. */
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { eventually, freePort, type Program } from '../support/processes.ts';
import { startContender, type Contender } from './contenders.ts';
import { compile, cpuMicrosOf, LOAD_CORE, requirePrograms, startNode, untilReady } from './rig.ts';
import { Stage } from './stage.ts';

const count = z.coerce.number().int().min(1);
const options = z.object({ idle: count, busy: count, seconds: count }).parse(
  parseArgs({
    options: { idle: { type: 'string', default: '3000' }, busy: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '20' } },
  }).values,
);
const EVENT_NUMBER = /^id: (\d+)$/gm;

requirePrograms();
compile();
const stage = new Stage();
await stage.run(async () => {
  await measureIdle();
  const own = await measureBusy('governed-in-process');
  const bare = await measureBusy('bare-proxy');
  process.stdout.write(`an event costs ${(own / bare).toFixed(2)} × what it costs a proxy without governance\n`);
});

async function measureIdle(): Promise<void> {
  const contender = await open('governed-in-process', 0);
  const before = residentKib(contender.program);
  const streams = await listen(contender, options.idle);
  const after = residentKib(contender.program);
  process.stdout.write(
    `idle: ${options.idle} streams; ${((after - before) / options.idle).toFixed(1)} KiB each, ${(before / 1024).toFixed(0)} MiB without them, ${(after / 1024).toFixed(0)} MiB with them\n`,
  );
  for (const stream of streams) stream.response.destroy();
}

/** Answers microseconds an event. */
async function measureBusy(name: 'governed-in-process' | 'bare-proxy'): Promise<number> {
  const contender = await open(name, 1);
  const streams = await listen(contender, options.busy);
  const before = { cpu: cpuMicrosOf(contender.program), events: eventsOf(streams) };
  await eventually(() => (eventsOf(streams) - before.events >= options.busy * options.seconds ? true : undefined), 'enough events', options.seconds * 3000);
  const events = eventsOf(streams) - before.events;
  const micros = (cpuMicrosOf(contender.program) - before.cpu) / events;
  const disordered = streams.filter(({ isInOrder }) => !isInOrder()).length;
  process.stdout.write(
    `busy, ${name}: ${options.busy} streams with an event a second; ${events} events, ${micros.toFixed(1)} µs each; ${disordered} streams out of order\n`,
  );
  for (const stream of streams) stream.response.destroy();
  if (disordered > 0) throw new Error('events were lost or came out of order');
  await contender.program.stop();
  return micros;
}

async function open(name: 'governed-in-process' | 'bare-proxy', eventsPerSecond: number): Promise<Contender> {
  const port = await freePort();
  const upstream = stage.add(startNode(LOAD_CORE, { script: 'stream-upstream', args: [String(port), String(eventsPerSecond)] }));
  await untilReady(upstream, `http://127.0.0.1:${port}/`);
  const ground = { stage, upstreamUrl: `http://127.0.0.1:${port}/${name}`, redisUrl: '', token: '' };
  return startContender(name, ground);
}

interface Listening {
  readonly response: IncomingMessage;
  events(): number;
  /** Each event's number was one more than the last one's. */
  isInOrder(): boolean;
}

async function listen({ url, token }: Contender, streams: number): Promise<Listening[]> {
  const all: Listening[] = [];
  while (all.length < streams) all.push(...(await Promise.all(Array.from({ length: Math.min(50, streams - all.length) }, () => listenOnce(url, token)))));
  return all;
}

function listenOnce(url: string, token: string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'text/event-stream', 'mcp-protocol-version': '2025-06-18', authorization: `Bearer ${token}` };
    const request = get(url, { agent: false, headers }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`a stream was answered with ${response.statusCode}`));
      let events = 0;
      let last: number | undefined;
      let isInOrder = true;
      response.setEncoding('utf8').on('data', (text: string) => {
        for (const [, number] of text.matchAll(EVENT_NUMBER)) {
          isInOrder &&= last === undefined || Number(number) === last + 1;
          last = Number(number);
          events++;
        }
      });
      response.on('error', () => undefined);
      resolve({ response, events: () => events, isInOrder: () => isInOrder });
    });
    request.on('error', reject);
  });
}

function eventsOf(streams: readonly Listening[]): number {
  return streams.reduce((sum, stream) => sum + stream.events(), 0);
}

function residentKib({ child }: Program): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
}
