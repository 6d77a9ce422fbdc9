// A real push service for the tests: web-push-testing, which checks VAPID and decrypts. First prints its
// address as a line of JSON; ends with its standard input.
'use strict';

const http = require('http');

// What it says of itself is not for the test.
console.log = console.error;

const {PushApiModel} = require('web-push-testing/src/PushApiModel.js');
const Server = require('web-push-testing/src/server.js');

const model = new PushApiModel();
const server = new Server(model, 0);
// By itself it listens on all addresses.
server._app.listen = (port, done) => http.createServer(server._app).listen(port, '127.0.0.1', done);
server.startServer();
server._server.once('listening', () => {
	const url = `http://127.0.0.1:${server._server.address().port}`;
	model.notifyUrl = `${url}/notify/`;
	process.stdout.write(JSON.stringify({url}) + '\n');
});
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
