/** A result that asks for the client's input, and the request that brings it (MCP 2026-07-28, multi round-trip requests). */
import { z } from 'zod';
import { Refusal } from '../../../shared/refusal.ts';
import { jsonIn } from '../../mcp/json-in.ts';
import { findMember, findTopLevelValue, membersOf, type ByteRange } from '../../transports/json-members.ts';
import { withMember } from './with-member.ts';

export interface Question {
  /** Under which its answer goes back. */
  readonly key: string;
  readonly method: string;
  /** As the server wrote them; undefined without any. */
  readonly params: Buffer | undefined;
  /** What the client must have declared to be asked. */
  readonly capability: readonly string[];
}

export interface Round {
  readonly questions: readonly Question[];
  /** The server's own, as it stands in the bytes. */
  readonly state: Buffer | undefined;
}

const MARK = Buffer.from('input_required');
const QUESTIONS_MAX = 32;
const resultSchema = z.object({ result: z.object({ resultType: z.literal('input_required'), requestState: z.string().optional() }) });
const questionSchema = z.object({ method: z.string(), params: z.looseObject({ mode: z.string().optional() }).optional() });
const CAPABILITIES: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);

/** Undefined for an answer that asks for nothing. Throws a refusal for questions that no client could be asked. */
export function readRound(answer: Buffer): Round | undefined {
  if (!answer.includes(MARK) || !resultSchema.safeParse(jsonIn(answer)).success) return undefined;
  const result = findTopLevelValue(answer, 'result');
  const asked = result === undefined ? undefined : findMember(answer, result, 'inputRequests');
  const state = result === undefined ? undefined : findMember(answer, result, 'requestState');
  const members = asked === undefined ? [] : membersOf(answer, asked);
  if (members.length > QUESTIONS_MAX) throw unanswerable('the server asks too many questions at once');
  return { questions: members.map(({ name, value }) => readQuestion(answer, name, value)), state: state === undefined ? undefined : sliceOf(answer, state) };
}

function readQuestion(answer: Buffer, key: string, range: ByteRange): Question {
  const reading = questionSchema.safeParse(jsonIn(sliceOf(answer, range)));
  const capability = CAPABILITIES.get(reading.data?.method ?? '');
  if (reading.data === undefined || capability === undefined) throw unanswerable('the server asks what no client of a revision with sessions can be asked');
  const { method, params } = reading.data;
  const place = findMember(answer, range, 'params');
  return {
    key,
    method,
    params: place === undefined ? undefined : sliceOf(answer, place),
    capability: params?.mode === 'url' ? [capability, 'url'] : [capability],
  };
}

/** The question as a request of a server, under an id of ours. */
export function askingMessage({ method, params }: Question, idToken: string): Buffer {
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${idToken},"method":${JSON.stringify(method)}`);
  return Buffer.concat(params === undefined ? [head, Buffer.from('}')] : [head, Buffer.from(',"params":'), params, Buffer.from('}')]);
}

/** The first request again under a new id, with what the client has answered and the state as it came. */
export function answeringMessage(first: Buffer, idToken: string, answers: ReadonlyMap<string, Buffer>, { state }: Round): Buffer {
  const range = findTopLevelValue(first, 'params');
  let params = range === undefined ? Buffer.from('{}') : sliceOf(first, range);
  if (state !== undefined) params = withMember(params, 'requestState', state);
  const members = [...answers].flatMap(([key, answer], at) => [Buffer.from(`${at === 0 ? '' : ','}${JSON.stringify(key)}:`), answer]);
  if (members.length > 0) params = withMember(params, 'inputResponses', Buffer.concat([Buffer.from('{'), ...members, Buffer.from('}')]));
  return withMember(withMember(first, 'params', params), 'id', idToken);
}

export function unanswerable(detail: string): Refusal {
  return new Refusal('not_bridgeable', 'unanswerable_question', detail);
}

function sliceOf(bytes: Buffer, { start, end }: ByteRange): Buffer {
  return bytes.subarray(start, end);
}
