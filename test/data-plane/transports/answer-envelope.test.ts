/** An answer belongs to one request, which it names, and is a result or an error. */
import { describe, expect, test } from 'vitest';
import { answersAnother, faultOfAnswer } from '../../../data-plane/transports/answer-envelope.ts';

const NOT_JSON = 'what is not one message in JSON';
const NO_ANSWER = 'neither a result nor an error';
const FOREIGN = 'the id of another request';

const fault = (body: string, idToken = '1') => faultOfAnswer(Buffer.from(body), idToken);

describe('the answer to a request', () => {
  test.each([
    ['a result', '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['an error', '{"error":{"code":-1,"message":"x"},"id":1,"jsonrpc":"2.0"}'],
    ['space everywhere', '\r\n{ "id" : 1 ,\t"result" : [ 1.5e3 , null ] }\n'],
    ['members that nobody knows', '{"id":1,"result":1,"x":{"id":2,"error":{}}}'],
    ['a key with escapes', '{"\\u0069d":1,"result":{}}'],
    ['an error of a server that could not read the request', '{"id":null,"error":{}}'],
    ['an error without an id', '{"error":{}}'],
  ])('may be %s', (_what, body) => {
    expect(fault(body)).toBeUndefined();
  });

  test.each([
    ['"a"', '"\\u0061"'],
    ['"\\u00e9"', '"é"'],
    ['1', '1.0'],
    // As a server answers that counts in floats.
    ['12345678901234567890', '12345678901234567000'],
  ])('may spell the id %s as %s', (idToken, spelled) => {
    expect(fault(`{"id":${spelled},"result":{}}`, idToken)).toBeUndefined();
  });

  test.each([
    ['nothing', '', NOT_JSON],
    ['prose', 'Internal error', NOT_JSON],
    ['half of it', '{"id":1,"result":{"a":', NOT_JSON],
    ['an object that is not closed', '{"id":1,"result":{}', NOT_JSON],
    ['two of them', '{"id":1,"result":{}}{"id":1,"result":{}}', NOT_JSON],
    ['a batch', '[{"id":1,"result":{}}]', NOT_JSON],
    ['nonsense deep inside', '{"id":1,"result":{"a":[1,nope]}}', NOT_JSON],
    ['two ids', '{"id":1,"result":{},"\\u0069d":2}', NOT_JSON],
    ['two results', '{"id":1,"result":1,"result":2}', NOT_JSON],
    ['a result and an error', '{"id":1,"result":{},"error":{}}', NO_ANSWER],
    ['an envelope alone', '{"jsonrpc":"2.0","id":1}', NO_ANSWER],
    ['a request', '{"id":1,"method":"ping"}', NO_ANSWER],
    ['a request with a result', '{"id":1,"method":"ping","result":{}}', NO_ANSWER],
    ['another id', '{"id":2,"result":{}}', FOREIGN],
    ['a string for a number', '{"id":"1","result":{}}', FOREIGN],
    ['an id that is an object', '{"id":{"a":1},"result":{}}', FOREIGN],
    ['an id with an escape that is none', '{"id":"\\q","result":{}}', FOREIGN],
    ['a result for nobody', '{"id":null,"result":{}}', FOREIGN],
    ['a result without an id', '{"result":{}}', FOREIGN],
  ])('is not %s', (_what, body, expected) => {
    expect(fault(body)).toBe(expected);
  });

  test('is UTF-8', () => {
    expect(faultOfAnswer(Buffer.from('{"id":1,"result":"\xff"}', 'latin1'), '1')).toBe(NOT_JSON);
  });
});

test('a body of any other kind answers nobody else', () => {
  const answers = (body: string) => answersAnother(Buffer.from(body), '1');
  for (const body of ['', '<html>', '{}', '{"error":"not found"}', '{"id":1,"error":{}}', '{"id":"req_7","message":"slow down"}'])
    expect(answers(body)).toBe(false);
  expect(answers('{"id":2,"error":{}}')).toBe(true);
});
