"""A server of aiosmtpd for the tests: prints its port, then one line of JSON for each mail.

Arguments: plain | starttls | implicit, then the files of the certificate and its key. It takes the
account `user` with the password `secret`, and asks for it unless it is plain.
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import AuthResult, SMTP


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        print(
            json.dumps(
                {
                    "tls": server.transport.get_extra_info("ssl_object") is not None,
                    "user": session.auth_data.login.decode() if session.auth_data else None,
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "mail": base64.b64encode(envelope.original_content).decode(),
                }
            ),
            flush=True,
        )
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"user" and data.password == b"secret"
    return AuthResult(success=good, handled=False, auth_data=data if good else None)


kind = sys.argv[1]
context = None
if kind != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])


def connection():
    return SMTP(
        Handler(),
        enable_SMTPUTF8=True,
        data_size_limit=100_000,
        authenticator=authenticate,
        auth_required=kind != "plain",
        auth_require_tls=kind == "starttls",
        require_starttls=kind == "starttls",
        tls_context=context if kind == "starttls" else None,
    )


async def serve():
    server = await asyncio.get_running_loop().create_server(
        connection, "127.0.0.1", 0, ssl=context if kind == "implicit" else None
    )
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


asyncio.run(serve())
