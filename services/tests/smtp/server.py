"""An SMTP server that takes mail after STARTTLS and log-in, and prints it."""

import asyncio
import email
import json
import ssl
import sys
from email import policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = b"reminders", b"correct horse"


class Handler:
    def __init__(self):
        self.failed = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("refuses@"):
            return "451 4.7.1 try again later"
        if address.startswith("hangs@"):
            await asyncio.sleep(120)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=policy.default)
        show(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "tls": session.ssl is not None,
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "text": mail.get_body(("plain",)).get_content(),
                "html": mail.get_body(("html",)).get_content(),
            }
        )
        once = envelope.rcpt_tos[0]
        if once.startswith("fails-once@") and once not in self.failed:
            self.failed.add(once)
            return "451 4.3.0 out of order"
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, PASSWORD)
    # Not handled: the refusal is aiosmtpd's to send.
    return AuthResult(success=known, handled=False)


def show(value):
    print(json.dumps(value), flush=True)


async def main(keys):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{keys}/server.crt", f"{keys}/server.key")
    loop = asyncio.get_running_loop()
    handler = Handler()
    server = await loop.create_server(
        lambda: SMTP(
            handler,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
            loop=loop,
        ),
        "127.0.0.1",
        0,
    )
    with open(f"{keys}/ca.crt", encoding="ascii") as ca:
        show({"port": server.sockets[0].getsockname()[1], "ca": ca.read()})
    # Ends with who started us.
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


asyncio.run(main(sys.argv[1]))
