/** A small gateway process for tests that is killed: holds a call on a child, tells the processes that it started, and waits. */
import { pino } from 'pino';
import { startProcessReaper } from '../../data-plane/transports/process-reaper.ts';
import { createStdioTransport } from '../../data-plane/transports/stdio.ts';
import { systemClock } from '../../shared/clock.ts';
import { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import { toolCall } from './rpc-call.ts';
import { FIXTURE, NODE, resultOf, send, stdioServer, upstreamRequest } from './stdio-caller.ts';

const transport = createStdioTransport({
  allowlist: new StdioAllowlist({ entries: [{ command: NODE, args: [RegExp.escape(FIXTURE)], env: ['FIXTURE_MODE'] }] }),
  reaper: startProcessReaper(),
  clock: systemClock,
  log: pino({ level: 'silent' }),
  environment: {},
});
const server = stdioServer({ FIXTURE_MODE: 'stubborn' });
const { pid, grandchild } = await resultOf(transport, server, toolCall('fork'));
send(transport, upstreamRequest(server, toolCall('hang')));
process.stdout.write(`${JSON.stringify({ pid, grandchild })}\n`);
