/** Every subscription × everybody who might ask, over sockets: who gets in, who hears what, and how it ends for whoever may no longer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PERMISSIONS } from '../../../control-plane/access/permissions.ts';
import { makeSchema } from '../../../control-plane/schema.ts';
import { newMember, type Member } from '../../support/browser.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { acknowledged, introduce, openSocket, type GraphqlSocket } from '../../support/graphql-socket.ts';
import { eventually } from '../../support/processes.ts';
import { ROWS } from './matrix-rows.ts';
import { allBut, makeStrangers, tokenWith, type Strangers } from './matrix/askers.ts';
import { operationFor, rootFields } from './matrix/operation.ts';
import { isPermission, type Row } from './matrix/row.ts';
import { buildWorld, isAbout, makeDataPlane, type World } from './matrix/world.ts';

const fields = rootFields(makeSchema());
const subscriptions = Object.entries(ROWS).filter(([path]) => path.startsWith('Subscription.'));
/** How many events are looked at for what belongs to others. */
const EVENTS_LOOKED_AT = 3;
/** Of what a client is sent, the answers; one that is refused comes with errors, and without data. */
const answerSchema = z.looseObject({ errors: z.array(z.looseObject({ extensions: z.looseObject({ code: z.string() }) })).optional() });
type Answer = z.infer<typeof answerSchema>;
const nextSchema = z.object({ type: z.literal('next'), payload: answerSchema });

let plane: TestControlPlane;
let ours: World;
let theirs: World;
let strangers: Strangers;
const opened: GraphqlSocket[] = [];

beforeAll(async () => {
  plane = await startTestControlPlane();
  ours = await buildWorld(plane, 'ours');
  theirs = await buildWorld(plane, 'theirs');
  strangers = await makeStrangers(ours);
});
afterAll(async () => {
  for (const { socket } of opened) socket.close();
  await plane?.close();
  for (const { upstream } of [ours, theirs]) await upstream?.close();
});

async function open(headers?: Record<string, string>): Promise<GraphqlSocket> {
  const socket = await openSocket(plane.graphqlUrl, headers);
  opened.push(socket);
  return socket;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const cookieOf = ({ browser }: Member) => ({ cookie: browser.cookie ?? '', origin: plane.url });

/** What has come of the operation, in the order in which it came. */
function toldOn({ received }: GraphqlSocket): Answer[] {
  return received.flatMap((text) => {
    const { data } = nextSchema.safeParse(JSON.parse(text));
    return data === undefined ? [] : [data.payload];
  });
}

async function begin(path: string, { smallest }: Row, socket: GraphqlSocket, own = ours): Promise<void> {
  const { query, variables } = operationFor(fields, path, await smallest(own));
  socket.begin('1', query, variables);
}

async function rightfulToken({ needs }: Row): Promise<string> {
  return needs === 'DATA_PLANE' ? ours.dataPlaneToken : tokenWith(ours, isPermission(needs) ? [needs] : []);
}

describe.concurrent.each(subscriptions)('%s', (path, row) => {
  const { needs, provoke } = row;

  test('closes the socket of strangers with 4401', async () => {
    const { expiredToken, suspended, expired } = strangers;
    const entries: [Record<string, string>, Record<string, string>][] = [
      [{}, {}],
      [{}, bearer(expiredToken)],
      [cookieOf(suspended), {}],
      [cookieOf(expired), {}],
    ];
    for (const [headers, payload] of entries) {
      const socket = await open(headers);
      introduce(socket, payload);
      expect((await socket.closed).code).toBe(4401);
    }
  });

  test('is refused to whoever lacks what it needs', async () => {
    const ofAnotherKind = await acknowledged(await open(), bearer(needs === 'DATA_PLANE' ? await tokenWith(ours, PERMISSIONS) : ours.dataPlaneToken));
    const lacking = [ofAnotherKind];
    if (isPermission(needs)) {
      lacking.push(await acknowledged(await open(), bearer(await tokenWith(ours, allBut(needs)))));
      lacking.push(await acknowledged(await open(cookieOf(strangers.powerless))));
    }
    for (const socket of lacking) {
      await begin(path, row, socket);
      const [told] = await eventually(() => (toldOn(socket).length > 0 ? toldOn(socket) : undefined), 'the refusal');
      const permission = socket === ofAnotherKind ? expect.any(String) : needs;
      expect(told?.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission } }]);
    }
  });

  test('tells whoever has just that what happens, and nothing of another organisation', async () => {
    const socket = await acknowledged(await open(), bearer(await rightfulToken(row)));
    await begin(path, row, socket);
    const events = await eventually(async () => {
      await provoke(theirs);
      await provoke(ours);
      const told = toldOn(socket);
      return told.length >= EVENTS_LOOKED_AT ? told : undefined;
    }, 'the events');
    expect(events.flatMap(({ errors }) => errors ?? [])).toEqual([]);
    expect(isAbout(theirs, events)).toBe(false);
  });

  test('ends with the token that is revoked', async () => {
    const own = needs === 'DATA_PLANE' ? { ...ours, ...(await makeDataPlane(plane, ours.organisation, 'revoked')) } : ours;
    const admin = await plane.newAdminToken({ organisationId: ours.organisation });
    const socket = await acknowledged(await open(), bearer(needs === 'DATA_PLANE' ? own.dataPlaneToken : admin.token));
    await begin(path, row, socket, own);
    await plane.database.query('update data_plane_tokens set revoked_at = now() where id = (select token_id from data_planes where id = $1)', [
      needs === 'DATA_PLANE' ? own.dataPlane : null,
    ]);
    await plane.database.query('update admin_tokens set revoked_at = now() where id = $1', [admin.id]);
    expect((await socket.closed).code).toBe(4403);
  });
});

test.concurrent.each(subscriptions.filter(([, { needs }]) => needs !== 'DATA_PLANE'))(
  '%s ends with the token, and with the membership of a person',
  async (path, row) => {
    const ending = await plane.newAdminToken({ organisationId: ours.organisation, expiresAt: new Date(Date.now() + 2000) });
    const expiring = await acknowledged(await open(), bearer(ending.token));
    const person = await newMember(plane, `${path.toLowerCase()}@example.com`, 'ORG_ADMIN', ours.admin);
    const suspending = await acknowledged(await open(cookieOf(person)));
    for (const socket of [expiring, suspending]) await begin(path, row, socket);
    await ours.admin.mutate('updateMember', 'UpdateMemberInput', { id: person.membershipId, suspended: true }, 'membership { id }');
    expect((await expiring.closed).code).toBe(4410);
    expect((await suspending.closed).code).toBe(4403);
  },
);
