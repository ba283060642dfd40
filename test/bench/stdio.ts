/** Measures the STDIO transport: messages a second through one warm child, and what a warm call adds to the child's own work. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { startProcessReaper } from '../../data-plane/transports/process-reaper.ts';
import { createStdioTransport } from '../../data-plane/transports/stdio.ts';
import type { AnswerSink, Transport } from '../../data-plane/transports/transport.ts';
import { systemClock } from '../../shared/clock.ts';
import { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import { ROOT } from '../support/processes.ts';
import { toolCall } from '../support/rpc-call.ts';
import { NODE, stdioServer, upstreamRequest } from '../support/stdio-caller.ts';

const ECHO = join(ROOT, 'test/bench/stdio-echo.mjs');
const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '5' }, 'in-flight': { type: 'string', default: '128' } },
});
const windowMillis = Number(options.seconds) * 1000;
const call = toolCall('echo', { text: 'x'.repeat(120) });
const request = upstreamRequest(stdioServer({}, [ECHO]), call);

interface Window {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Keeps so many calls under way for the window, each answer starting the next. */
async function measure(transport: Transport, inFlight: number): Promise<Window> {
  let answers = 0;
  let running = inFlight;
  let settle: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (settle = resolve));
  const start = performance.now();
  const cpu = process.cpuUsage();
  const next = (): void => void transport.send(request, sink);
  const sink: AnswerSink = {
    answer: () => {
      answers++;
      if (performance.now() - start < windowMillis) return next();
      if (--running === 0) settle();
    },
    open: () => undefined,
    write: () => true,
    end: () => undefined,
    fail: (refusal) => {
      throw refusal;
    },
  };
  for (let index = 0; index < inFlight; index++) next();
  await over;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (answers / (performance.now() - start)) * 1000, cpuMicros: (user + system) / answers };
}

/** The same messages to the same child over bare pipes, cut at line ends and not looked at: what no transport can beat. */
async function measureBare(inFlight: number): Promise<number> {
  const child = spawn(NODE, [ECHO], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = `${call.bytes.toString()}\n`;
  let answers = 0;
  const start = performance.now();
  child.stdout.on('data', (chunk: Buffer) => {
    let lines = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
    answers += lines;
    if (performance.now() - start < windowMillis) child.stdin.write(line.repeat(lines));
    else child.stdin.end();
  });
  child.stdin.write(line.repeat(inFlight));
  await once(child, 'close');
  return (answers / (performance.now() - start)) * 1000;
}

const reaper = startProcessReaper();
const transport = createStdioTransport({
  allowlist: new StdioAllowlist({ entries: [{ command: NODE, args: [RegExp.escape(ECHO)], env: [] }] }),
  reaper,
  clock: systemClock,
  log: pino({ level: 'silent' }),
  environment: {},
});
await measure(transport, 1);
for (let round = 1; round <= Number(options.rounds); round++) {
  const many = await measure(transport, Number(options['in-flight']));
  const one = await measure(transport, 1);
  const bareMany = await measureBare(Number(options['in-flight']));
  const bareOne = await measureBare(1);
  process.stdout.write(
    `round ${round}: ${Math.round(many.perSecond)} calls/s with ${options['in-flight']} in flight, ${many.cpuMicros.toFixed(1)} µs CPU each (bare pipes ${Math.round(bareMany)}/s); ` +
      `one at a time ${(1e6 / one.perSecond).toFixed(0)} µs (bare pipes ${(1e6 / bareOne).toFixed(0)} µs)\n`,
  );
}
await transport.close();
await reaper.close();
