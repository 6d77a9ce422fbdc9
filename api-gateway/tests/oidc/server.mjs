// Two real OpenID Connect providers for the tests, oidc-provider each: `work` tells the address in the ID token and
// wants the client's secret as basic authentication, `other` tells it by UserInfo only and wants the secret in the
// body. Who logs in as NAME@HOST has that address, verified unless NAME begins with `unverified`; a name without an
// `@` has none. First prints their issuers as a line of JSON; ends with its standard input.
import http from 'node:http';
import path from 'node:path';

// What it says of itself is not for the test.
console.log = console.info = console.warn = console.error = () => {};

const {Provider} = await import(path.join(process.argv[2], 'oidc-provider/lib/index.js'));

async function start(settings) {
	const server = http.createServer((request, response) => handle(request, response));
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const issuer = `http://127.0.0.1:${server.address().port}`;
	const provider = new Provider(issuer, {
		clients: [{
			client_id: 'todostack',
			client_secret: 'a-secret-of-the-stack',
			redirect_uris: ['http://127.0.0.1:9/back'],
			token_endpoint_auth_method: settings.method,
		}],
		clientAuthMethods: [settings.method],
		claims: {openid: ['sub'], email: ['email', 'email_verified']},
		conformIdTokenClaims: !settings.inIdToken,
		cookies: {keys: ['of these tests']},
		features: {devInteractions: {enabled: true}},
		findAccount: (_, id) => ({
			accountId: id,
			claims: () => id.includes('@')
				? {sub: id, email: id, email_verified: !id.startsWith('unverified')}
				: {sub: id},
		}),
		pkce: {required: () => true},
	});
	// Its pages ask for a font of a host outside.
	provider.use(async (context, next) => {
		await next();
		if (typeof context.body === 'string') context.body = context.body.replace(/@import[^;]*;/, '');
	});
	// The page under test has a port of its own each time.
	const allowed = provider.Client.prototype.redirectUriAllowed;
	provider.Client.prototype.redirectUriAllowed = function (uri) {
		const {hostname, pathname} = new URL(uri);
		return allowed.call(this, uri) || (hostname === '127.0.0.1' && pathname === '/login');
	};
	const handle = provider.callback();
	return issuer;
}

const work = await start({method: 'client_secret_basic', inIdToken: true});
const other = await start({method: 'client_secret_post', inIdToken: false});
process.stdout.write(JSON.stringify({work, other}) + '\n');
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
