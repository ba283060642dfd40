/** The filter of an organisation, and the trial of a filter before it is set. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const organisationSchema = z.object({ organisation: z.object({ version: z.number(), semanticFilter: z.unknown() }) });

async function stored(): Promise<z.infer<typeof organisationSchema>['organisation']> {
  const { viewer } = await plane.admin.query('{ viewer { organisation { version semanticFilter { blockedKeywords detectors applyTo action } } } }');
  return organisationSchema.parse(viewer).organisation;
}

const set = (input: Record<string, unknown>) => plane.admin.mutate('setOrganisationFilter', 'SetOrganisationFilterInput', input, 'organisation { version }');
const refused = (input: Record<string, unknown>) => userErrorsOf(plane, 'setOrganisationFilter', 'SetOrganisationFilterInput', input);

describe('the filter of the organisation', () => {
  test('is set on the version that was seen, in the audit trail, and removed by null', async () => {
    const { version } = await stored();
    const filter = { blockedKeywords: ['bluebird'], detectors: ['EMAIL', 'EMAIL'], applyTo: ['RESPONSE'], action: 'REDACT' };
    await set({ filter, dryRun: true });
    expect(await stored()).toEqual({ version, semanticFilter: null });
    await set({ filter, expectedVersion: version });
    expect(await stored()).toEqual({ version: version + 1, semanticFilter: { ...filter, detectors: ['EMAIL'] } });
    expect(await refused({ filter: null, expectedVersion: version })).toMatchObject([{ code: 'STALE_VERSION' }]);
    await set({ filter: null });
    expect((await stored()).semanticFilter).toBeNull();
    const { auditEvents } = await plane.admin.query('{ auditEvents(first: 2) { nodes { action before after } } }');
    expect(auditEvents).toMatchObject({
      nodes: expect.arrayContaining([
        expect.objectContaining({ action: 'setOrganisationFilter', before: { semanticFilter: expect.objectContaining({ action: 'REDACT' }) } }),
      ]),
    });
  });

  test('is that of one organisation', async () => {
    const other = await plane.newOrganisation('another');
    await set({ filter: { blockedKeywords: ['mine'] } });
    const { viewer } = await other.admin.query('{ viewer { organisation { semanticFilter { blockedKeywords } } } }');
    expect(viewer).toEqual({ organisation: { semanticFilter: null } });
  });

  test('is no filter that costs too much, and says where', async () => {
    expect(await refused({ filter: { blockedPatterns: ['(a)\\1'] } })).toMatchObject([{ field: ['filter', 'blockedPatterns'], code: 'PATTERN_UNSAFE' }]);
    expect(await refused({ filter: { blockedKeywords: [' '] } })).toMatchObject([{ field: ['filter', 'blockedKeywords', '0'], code: 'INVALID' }]);
  });

  test('needs POLICY_MANAGE', async () => {
    const { token } = await plane.newAdminToken({ permissions: ['TOOL_CONFIGURE'] });
    const { errors } = await plane.ask('mutation { setOrganisationFilter(input: {}) { organisation { id } } }', {}, token);
    expect(errors?.[0]?.extensions?.['code']).toBe('FORBIDDEN');
  });
});

describe('a trial', () => {
  const validate = async (filter: unknown, sample: unknown) => {
    const query =
      'query($filter: SemanticFilterInput!, $sample: JSON) { validateSemanticFilter(filter: $filter, sample: $sample) { findings { kind rule count } userErrors { field code } } }';
    return (await plane.admin.query(query, { filter, sample }))['validateSemanticFilter'];
  };

  test('tells what would be found in the sample, whatever its spelling', async () => {
    const filter = { blockedKeywords: ['private key'], blockedPatterns: ['[0-9]{3}-x'], detectors: ['CREDIT_CARD'] };
    const sample = { text: 'PRIVATE\u200b  key, ｐｒｉｖａｔｅ key', list: ['123-x', { card: 4_111_111_111_111_111 }] };
    expect(await validate(filter, sample)).toEqual({
      findings: [
        { kind: 'KEYWORD', rule: 'private key', count: 2 },
        { kind: 'PATTERN', rule: '[0-9]{3}-x', count: 1 },
        { kind: 'DETECTOR', rule: 'CREDIT_CARD', count: 1 },
      ],
      userErrors: [],
    });
  });

  test('of a filter that is at fault, or with a sample that is nested too deeply, says so', async () => {
    expect(await validate({ blockedPatterns: ['('] }, 'x')).toMatchObject({ findings: null, userErrors: [{ code: 'PATTERN_UNSAFE' }] });
    let deep: unknown = 'x';
    for (let level = 0; level < 70; level++) deep = [deep];
    expect(await validate({}, deep)).toEqual({ findings: null, userErrors: [{ field: ['sample'], code: 'TOO_LARGE' }] });
    expect(await validate({ blockedKeywords: ['x'] }, null)).toEqual({ findings: [], userErrors: [] });
  });
});
