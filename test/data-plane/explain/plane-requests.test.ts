/** Only the control plane has a node explain and call: everybody else finds nothing there. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { CALL_PATH, EXPLAIN_PATH, explanationSchema } from '../../../shared/explanation.ts';
import { newId } from '../../../shared/ids.ts';
import { PLANE_PROOF_HEADER, PlaneProofs } from '../../../shared/plane-proofs.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import { startExplainingPlanes, type ExplainingPlanes, type Party } from '../../support/explaining.ts';

let rig: ExplainingPlanes;
let party: Party;
let proofs: PlaneProofs;

beforeAll(async () => {
  rig = await startExplainingPlanes();
  party = await rig.party();
  proofs = new PlaneProofs(new SecretKey(rig.planes.control.settings.secretKey).derive('plane-proofs'), systemClock);
}, 120_000);
afterAll(() => rig?.close());

const standIn = (given: Record<string, unknown> = {}) => ({
  organisationId: rig.planes.control.organisationId,
  apiKeyId: party.apiKeyId,
  server: party.serverId,
  message: '{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"echo","arguments":{}}}',
  ...given,
});
const supposed = (given: Record<string, unknown> = {}) => ({
  ...standIn(given),
  clientIp: null,
  clientName: null,
  userAgent: null,
  atMillis: null,
  inputBytes: null,
});

async function post(path: string, body: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  const answer = await fetch(rig.planes.dataUrl + path, { method: 'POST', headers, body });
  return { status: answer.status, text: await answer.text() };
}

const proved = (path: string, body: string) => post(path, body, { [PLANE_PROOF_HEADER]: proofs.prove(path, body) });

test.each([EXPLAIN_PATH, CALL_PATH])('%s is nowhere for a virtual key, and for nobody in particular', async (path) => {
  const nowhere = await post('/v1/nowhere', '{}', {});
  expect(nowhere.status).toBe(404);
  expect(await post(path, JSON.stringify(supposed()), {})).toEqual(nowhere);
  expect(await post(path, JSON.stringify(supposed()), { authorization: `Bearer ${party.secret}` })).toEqual(nowhere);
});

test.each([EXPLAIN_PATH, CALL_PATH])('%s believes no proof that is forged, of another body, or used before', async (path) => {
  const body = JSON.stringify(path === CALL_PATH ? standIn() : supposed());
  const before = rig.upstream.seen.length;
  const forger = new PlaneProofs(Buffer.alloc(32, 7), systemClock);
  expect((await post(path, body, { [PLANE_PROOF_HEADER]: forger.prove(path, body) })).status).toBe(421);
  expect((await post(path, `${body} `, { [PLANE_PROOF_HEADER]: proofs.prove(path, body) })).status).toBe(421);
  expect(rig.upstream.seen.length).toBe(before);
  const proof = { [PLANE_PROOF_HEADER]: proofs.prove(path, body) };
  expect((await post(path, body, proof)).status).toBe(200);
  expect((await post(path, body, proof)).status).toBe(421);
});

test('a stranger is answered before he has sent his body', async () => {
  const headers = { [PLANE_PROOF_HEADER]: new PlaneProofs(Buffer.alloc(32, 7), systemClock).prove(EXPLAIN_PATH, 'x'), 'content-length': '1000000' };
  const asked = request(rig.planes.dataUrl + EXPLAIN_PATH, { method: 'POST', headers });
  const status = new Promise((resolve) => asked.once('response', ({ statusCode }) => resolve(statusCode)));
  asked.flushHeaders();
  expect(await status).toBe(421);
  asked.destroy();
});

test('a document that is none is refused, whoever proves it', async () => {
  expect((await proved(EXPLAIN_PATH, '{"apiKeyId":1}')).status).toBe(400);
  expect((await proved(CALL_PATH, JSON.stringify(supposed()))).status).toBe(400);
});

test('nobody stands in for a key of another organisation', async () => {
  const answer = await proved(EXPLAIN_PATH, JSON.stringify(supposed({ organisationId: newId('organisation') })));
  expect(explanationSchema.parse(JSON.parse(answer.text)).refusal).toMatchObject({ code: 'unauthorized', reason: 'unknown_key' });
  expect((await proved(CALL_PATH, JSON.stringify(standIn({ organisationId: newId('organisation') })))).status).toBe(401);
});

test('what is no message is explained as it is refused', async () => {
  const answer = await proved(EXPLAIN_PATH, JSON.stringify(supposed({ message: '{"jsonrpc":"2.0","jsonrpc":"2.0"}' })));
  const { refusal, steps } = explanationSchema.parse(JSON.parse(answer.text));
  expect(refusal).toMatchObject({ code: 'invalid_request', reason: 'ambiguous_json' });
  expect(steps.find(({ outcome }) => outcome === 'DENY')?.name).toBe('extractRpc');
});
