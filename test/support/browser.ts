/** A browser as far as signing in goes: it keeps the cookie that it is given, and sends it back. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { answerSchema, type GraphqlAnswer, type TestControlPlane } from './control-plane.ts';

export const PASSWORD = 'correct horse battery staple';
const userErrorSchema = z.object({ code: z.string(), message: z.string(), field: z.array(z.string()).nullable() });

export class Browser {
  readonly #url: string;
  /** As it is sent: the name and the value. */
  cookie: string | undefined;
  /** As it was last set, with everything that the browser is told about it. */
  setCookie: string | undefined;

  constructor(graphqlUrl: string) {
    this.#url = graphqlUrl;
  }

  async ask(query: string, variables: Record<string, unknown> = {}, headers: Record<string, string> = { 'turnpike-csrf': '1' }): Promise<GraphqlAnswer> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(this.cookie === undefined ? {} : { cookie: this.cookie }), ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) {
      this.setCookie = set;
      this.cookie = set.includes('01 Jan 1970') ? undefined : set.split(';')[0];
    }
    return { ...answerSchema.parse(await response.json()), status: response.status };
  }

  /** The payload of one mutation; fails on errors of the operation itself. */
  async mutate(
    name: string,
    inputType: string,
    input: Record<string, unknown>,
    selection = '',
  ): Promise<Record<string, unknown> & { userErrors: ToldFault[] }> {
    const answer = await this.ask(`mutation($input: ${inputType}!) { ${name}(input: $input) { ${selection} userErrors { code message field } } }`, { input });
    if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
    return z.looseObject({ userErrors: z.array(userErrorSchema) }).parse(answer.data?.[name]);
  }

  signIn(email: string, password = PASSWORD, organisation: string | null = null) {
    return this.mutate('signIn', 'SignInInput', { email, password, organisation }, 'user { id email }');
  }

  /** The address of whoever is signed in; undefined when nobody is. */
  async whoAmI(): Promise<string | undefined> {
    const { data } = await this.ask('{ viewer { user { email } } }');
    return z.object({ viewer: z.object({ user: z.object({ email: z.string() }) }) }).safeParse(data).data?.viewer.user.email;
  }
}

export type ToldFault = z.infer<typeof userErrorSchema>;

/** The token of the link that the control plane has left for the first administrator. */
export async function setupToken(plane: TestControlPlane): Promise<string> {
  const link = (await readFile(join(plane.settings.dataDirectory, 'setup-link'), 'utf8')).trim();
  return link.slice(link.indexOf('#') + 1);
}

interface Inviter {
  mutate(name: string, inputType: string, input: Record<string, unknown>, selection: string): Promise<Record<string, unknown>>;
}

/** Somebody with that role, who has come by an invitation and is signed in. */
export async function newMember(plane: TestControlPlane, email: string, roleId: string, inviter: Inviter = plane.admin): Promise<Member> {
  const payload = await inviter.mutate('inviteMember', 'InviteMemberInput', { email, roleId }, 'invitation { id } token');
  const browser = new Browser(plane.graphqlUrl);
  const input = { token: z.string().parse(payload['token']), name: email, password: PASSWORD };
  const { user } = await browser.mutate('acceptInvitation', 'AcceptInvitationInput', input, 'user { id }');
  const { id: userId } = z.object({ id: z.string() }).parse(user);
  const [row] = await plane.database.query('select id from memberships where user_id = $1', [userId]);
  return { browser, userId, membershipId: String(row?.['id']), email };
}

export interface Member {
  readonly browser: Browser;
  readonly userId: string;
  readonly membershipId: string;
  readonly email: string;
}
