// A provider of OpenID Connect on 127.0.0.1, over TLS. People need no password: whoever is named by `login_hint`, or by a cookie
// `person`, signs in, anna where nobody is, so that a test is a browser by following redirects. `nobody` is refused.
// `/told` says how often tokens were renewed and grants taken back; `/dismiss/anna` makes that nobody whom it knows.
//
// In: a file of settings, as `servers/oidc.rs` writes it. Out: a provider that listens.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

// The library calls it; older Node.js have none.
URL.parse ??= (address) => (URL.canParse(address) ? new URL(address) : null);

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `https://127.0.0.1:${settings.port}`;

const account = (id) => ({
  accountId: id,
  claims: () => ({ sub: id, email: `${id}@example.com`, groups: ['people'] }),
});

const dismissed = new Set();
const told = { renewed: 0, revoked: 0 };

const provider = new Provider(issuer, {
  clients: settings.clients,
  claims: { openid: ['sub'], email: ['email'], groups: ['groups'] },
  conformIdTokenClaims: false,
  cookies: { keys: settings.cookieKeys },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: (_, id) => (dismissed.has(id) ? undefined : account(id)),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // What renews tokens is of use once: whoever shows it twice loses the grant.
  rotateRefreshToken: true,
  ttl: { IdToken: (_, __, client) => (settings.brief.includes(client.clientId) ? settings.briefSeconds : 3600) },
});
provider.on('grant.success', (context) => {
  told.renewed += context.oidc.params.grant_type === 'refresh_token' ? 1 : 0;
});
provider.on('grant.revoked', () => {
  told.revoked += 1;
});

async function interact(request, response) {
  const { params, prompt, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const named = /(?:^|; )person=([a-z]+)/.exec(request.headers.cookie ?? '')?.[1];
    const login = { accountId: params.login_hint ?? named ?? 'anna' };
    if (login.accountId === 'nobody') {
      const refusal = { error: 'access_denied', error_description: 'nobody is let in' };
      return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
    }
    return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

const answer = provider.callback();
const tls = { key: readFileSync(settings.key), cert: readFileSync(settings.certificate) };
createServer(tls, (request, response) => {
  if (request.url === '/told') {
    response.end(JSON.stringify(told));
    return;
  }
  if (request.url.startsWith('/dismiss/')) {
    dismissed.add(request.url.slice('/dismiss/'.length));
    response.end();
    return;
  }
  if (!request.url.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  interact(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
}).listen(settings.port, '127.0.0.1');
