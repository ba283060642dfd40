/** The schema is told to administrators, to anyone or to nobody, as the operator wishes. */
import { parse } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { introspectionRefusal } from '../../../control-plane/access/introspection.ts';
import { socketClient, askOverSocket } from '../../support/both-transports.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

const SCHEMA = '{ __schema { queryType { name } } }';
const HIDDEN = 'query { ...In } fragment In on Query { s: __type(name: "Query") { name } }';
const NOBODY = { kind: 'anonymous', why: 'nobody' } as const;
const DATA_PLANE = { kind: 'dataPlane', tokenId: 'dpt_x', organisationIds: null } as const;

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

test('whoever has a token may read the schema; strangers and data planes may not', async () => {
  const { token } = await plane.newAdminToken({ permissions: [] });
  const { token: dataPlane } = await plane.newDataPlaneToken();
  expect((await plane.ask(SCHEMA, {}, token)).data).toEqual({ __schema: { queryType: { name: 'Query' } } });
  for (const query of [SCHEMA, HIDDEN]) {
    expect((await plane.ask(query, {}, null)).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    expect((await plane.ask(query, {}, dataPlane)).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  }
});

test('over a socket as well', async () => {
  const { token } = await plane.newDataPlaneToken();
  const [ours, theirs] = [socketClient(plane), socketClient(plane, token)];
  expect(await askOverSocket(ours, SCHEMA)).toEqual([]);
  expect(await askOverSocket(theirs, SCHEMA)).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  await Promise.all([ours.dispose(), theirs.dispose()]);
});

test('the operator may open it to anyone, or close it to everybody', () => {
  const document = parse(SCHEMA);
  expect(introspectionRefusal(document, NOBODY, 'anyone')).toBeUndefined();
  expect(introspectionRefusal(document, DATA_PLANE, 'nobody')?.extensions).toEqual({ code: 'FORBIDDEN' });
  expect(introspectionRefusal(parse('{ __typename }'), NOBODY, 'nobody')).toBeUndefined();
});
