/** Very many messages of many callers through the one process that they share. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { toolCall } from '../../support/rpc-call.ts';
import { openTransport, resultOf, stdioServer } from '../../support/stdio-caller.ts';

const CALLERS = 200;
const CALLS_EACH = 500;
const echoSchema = z.object({ content: z.tuple([z.object({ text: z.string() })]) });

test('of 100,000 calls by 200 callers at once, all under one id, none is lost and none gets the answer of another', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const pid = await resultOf(transport, server, toolCall('pid'));
  const [answered, strays] = [new Set<string>(), new Array<string>()];
  const callAll = async (caller: number) => {
    for (let number = 0; number < CALLS_EACH; number++) {
      const own = `${caller}/${number}`;
      const { content } = echoSchema.parse(await resultOf(transport, server, toolCall('echoReversed', { text: own })));
      if (content[0].text === own) answered.add(own);
      else strays.push(`${own} was answered ${content[0].text}`);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => callAll(caller)));
  expect(strays).toEqual([]);
  expect(answered.size).toBe(CALLERS * CALLS_EACH);
  expect(await resultOf(transport, server, toolCall('pid'))).toEqual(pid);
}, 120_000);
