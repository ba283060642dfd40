/** Processes that are to be warm run before anybody calls, stay, come back, and take nobody's place. */
import { expect, test } from 'vitest';
import type { GovernedServer } from '../../../data-plane/config/governed-server.ts';
import type { Transport } from '../../../data-plane/transports/transport.ts';
import { toolCall } from '../../support/rpc-call.ts';
import { eventually } from '../../support/processes.ts';
import {
  changed,
  isAlive,
  isolatedServer,
  limited,
  openTransport,
  resultOf,
  send,
  stdioServer,
  upstreamRequest,
  type TransportParts,
} from '../../support/stdio-caller.ts';

const warmServer = (count: number) => limited(stdioServer(), { processesMax: 3, warmProcesses: count });
const pidOf = async (transport: Transport, server: GovernedServer) => Number((await resultOf(transport, server, toolCall('pid')))['pid']);

/** A transport whose log says which processes were started, and what could not be kept warm. */
function openWatched(limits: TransportParts['limits'] = {}) {
  const started: number[] = [];
  const warnings: string[] = [];
  const onLog = (line: string) => {
    const { msg, childPid }: { msg: string; childPid?: number } = JSON.parse(line);
    if (msg === 'a STDIO server starts') started.push(childPid ?? 0);
    if (msg === 'a STDIO server cannot be kept warm') warnings.push(line);
  };
  const transport = openTransport({ limits: { warmCheckMillis: 20, ...limits }, onLog });
  return { transport, started, warnings, whenStarted: (count: number) => eventually(() => (started.length >= count ? true : undefined), `${count} starts`) };
}

test('a warm process is there before the first call, and serves it', async () => {
  const { transport, started } = openWatched();
  const server = warmServer(1);
  transport.keepWarm([server]);
  expect(started).toHaveLength(1);
  expect(await pidOf(transport, server)).toBe(started[0]);
  expect(started).toHaveLength(1);
});

test('as many are warm as the server wants, and idleness ends only those beyond', async () => {
  const { transport, started } = openWatched();
  const server = limited(stdioServer(), { processesMax: 3, warmProcesses: 2, inFlightMax: 1, processIdleMillis: 100 });
  transport.keepWarm([server]);
  expect(started).toHaveLength(2);
  const held = [0, 1, 2].map(() => send(transport, upstreamRequest(server, toolCall('hang'))));
  expect(started).toHaveLength(3);
  for (const { flight } of held) flight.cancel();
  await eventually(() => (started.filter(isAlive).length === 2 ? true : undefined), 'the end of the third');
  expect(started).toHaveLength(3);
});

test('one that dies is started again', async () => {
  const { transport, started, whenStarted } = openWatched();
  const server = warmServer(1);
  transport.keepWarm([server]);
  await send(transport, upstreamRequest(server, toolCall('die'))).received;
  await whenStarted(2);
  expect(await pidOf(transport, server)).toBe(started[1]);
});

test('a change of the configuration is followed without a call: more are started, and another program takes the place of the old one', async () => {
  const { transport, started, whenStarted } = openWatched();
  transport.keepWarm([warmServer(1)]);
  transport.keepWarm([warmServer(2)]);
  expect(started).toHaveLength(2);
  transport.keepWarm([{ ...warmServer(2), stdioEnv: { FIXTURE_SECRET: 'other' } }]);
  await whenStarted(4);
  await eventually(() => (started.slice(0, 2).some(isAlive) ? undefined : true), 'the end of the old ones');
});

test('nobody gives way to a process that nobody waits for, but it gives way to a call', async () => {
  const { transport, started } = openWatched({ childrenMax: 1 });
  const [first, second] = [changed(warmServer(1), { id: 'srv_1' }), changed(warmServer(1), { id: 'srv_2' })];
  transport.keepWarm([first, second]);
  expect(started).toHaveLength(1);
  expect(await pidOf(transport, second)).toBe(started[1]);
  transport.keepWarm([first, second]);
  expect(started).toHaveLength(2);
});

test('servers that are off, or keep their sessions apart, have nothing warm; one that cannot start is told of once', async () => {
  const { transport, started, warnings } = openWatched();
  const apart = limited(isolatedServer(), { warmProcesses: 1 });
  const forbidden = changed(warmServer(1), { id: 'srv_9', slug: 'forbidden', stdioCommand: '/bin/sh' });
  transport.keepWarm([changed(warmServer(1), { enabled: false }), apart, forbidden]);
  expect(started).toEqual([]);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('"server":"forbidden"');
});
