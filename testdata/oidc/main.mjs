// A provider of OpenID Connect on 127.0.0.1, over TLS. People need no password: whoever is named by `login_hint`, or by a cookie
// `person`, signs in, anna where nobody is, so that a test is a browser by following redirects. `nobody` is refused.
//
// In: a file of settings, as `servers/oidc.rs` writes it. Out: a provider that listens.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `https://127.0.0.1:${settings.port}`;

const account = (id) => ({
  accountId: id,
  claims: () => ({ sub: id, email: `${id}@example.com`, groups: ['people'] }),
});

const provider = new Provider(issuer, {
  clients: settings.clients,
  claims: { openid: ['sub'], email: ['email'], groups: ['groups'] },
  conformIdTokenClaims: false,
  cookies: { keys: settings.cookieKeys },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_, id) => account(id),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  ttl: { IdToken: (_, __, client) => (client.clientId === settings.brief ? settings.briefSeconds : 3600) },
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
  if (!request.url.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  interact(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
}).listen(settings.port, '127.0.0.1');
