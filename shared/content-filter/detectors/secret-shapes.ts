/** How the secrets of well-known services look. */
import { crc32 } from 'node:zlib';
import { hasValidChecksum, readToken, TOKEN_PREFIXES } from '../../token.ts';
import { alphabetOf } from './characters.ts';
import type { SecretShape } from './shaped-secrets.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PLAIN = alphabetOf('A-Za-z0-9');
const CAPITAL = alphabetOf('A-Z0-9');
const WORD = alphabetOf('\\w');
const URL_SAFE = alphabetOf('\\w\\-');
const DOTTED = alphabetOf('\\w.\\-');
const BASE64 = alphabetOf('A-Za-z0-9+/=');
const PATH = alphabetOf('\\w/');
const LONG = 512;
const JWT_MAX = 16_384;
const JWT = /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*\.?$|^eyJ[\w-]+(?:\.[\w-]*){4}\.?$/;
const CHECKSUM_LENGTH = 6;
const CHECKED_LENGTH = 36;
const OPENAI_MARK = 'T3BlbkFJ';

const exactly = (prefix: string | readonly string[], alphabet: SecretShape['alphabet'], length: number, isReal?: SecretShape['isReal']): SecretShape => ({
  prefixes: [prefix].flat(),
  alphabet,
  least: length,
  most: length,
  ...(isReal === undefined ? {} : { isReal }),
});
const atLeast = (prefixes: readonly string[], alphabet: SecretShape['alphabet'], least: number): SecretShape => ({ prefixes, alphabet, least, most: LONG });

/** By detector. */
export const SECRET_SHAPES = {
  JWT: [{ prefixes: ['eyJ'], alphabet: DOTTED, least: 20, most: JWT_MAX, isReal: (secret) => JWT.test(secret) }],
  AWS_KEY: [exactly(['AKIA', 'ASIA', 'ABIA', 'ACCA'], CAPITAL, 16)],
  GCP_KEY: [exactly('AIza', URL_SAFE, 35), exactly('GOCSPX-', URL_SAFE, 28), { ...atLeast(['ya29.'], URL_SAFE, 20), most: 2048 }],
  AZURE_KEY: [exactly('AccountKey=', BASE64, 88), exactly(['SharedAccessKey=', 'SharedSecretKey='], BASE64, 44)],
  GITHUB_TOKEN: [exactly(['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], PLAIN, CHECKED_LENGTH, hasCrc), exactly('github_pat_', WORD, 82)],
  GITLAB_TOKEN: [atLeast(['glpat-', 'gldt-', 'glrt-', 'glcbt-', 'glptt-', 'glsoat-'], DOTTED, 20)],
  NPM_TOKEN: [exactly('npm_', PLAIN, CHECKED_LENGTH, hasCrc)],
  SLACK_TOKEN: [atLeast(['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxe-', 'xapp-'], URL_SAFE, 20), atLeast(['hooks.slack.com/services/'], PATH, 30)],
  STRIPE_KEY: [atLeast(['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_'], PLAIN, 16), atLeast(['whsec_'], BASE64, 32)],
  OPENAI_KEY: [atLeast(['sk-proj-', 'sk-svcacct-', 'sk-admin-'], URL_SAFE, 20), exactly('sk-', PLAIN, 48, (secret) => secret.includes(OPENAI_MARK))],
  ANTHROPIC_KEY: [atLeast(['sk-ant-'], URL_SAFE, 20)],
  TURNPIKE_KEY: [
    exactly(
      Object.values(TOKEN_PREFIXES).map((prefix) => `${prefix}_`),
      WORD,
      60,
      (secret) => readToken(secret).kind !== 'malformed' && hasValidChecksum(secret),
    ),
  ],
} as const satisfies Readonly<Record<string, readonly SecretShape[]>>;

/** Behind the underscore, the last six characters are the CRC-32 of the others, in base 62 with zeros in front. */
function hasCrc(secret: string): boolean {
  const body = secret.slice(-CHECKED_LENGTH);
  let rest = crc32(body.slice(0, -CHECKSUM_LENGTH));
  let checksum = '';
  while (checksum.length < CHECKSUM_LENGTH) {
    checksum = BASE62.charAt(rest % BASE62.length) + checksum;
    rest = Math.floor(rest / BASE62.length);
  }
  return checksum === body.slice(-CHECKSUM_LENGTH);
}
