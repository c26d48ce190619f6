"""A real mail server for the tests: aiosmtpd with STARTTLS and AUTH, on loopback.

    smtp_server.py DIR [STARTTLS_PORT]

Makes an authority and a certificate in DIR (ca.pem, cert.pem), prints one line of JSON with its ports, and keeps each
message as DIR/NNNN.eml with what an independent parser reads in it as DIR/NNNN.json. Recipients `bounce…` are refused
for good (550), `slow…` for now (451). It ends when its standard input does.
"""

import asyncio
import email
import email.policy
import json
import logging
import pathlib
import ssl
import subprocess
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

ACCOUNT = LoginPassword(b"pages", "correct horse ñ".encode())


class Keep:
    """Keeps what was accepted and decides about recipients."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("bounce"):
            return f"550 5.1.1 <{address}>: no such user"
        if address.startswith("slow"):
            return f"451 4.7.1 <{address}>: greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        read = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "encrypted": server.transport.get_extra_info("cipher") is not None,
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": body(message, "plain"),
            "html": body(message, "html"),
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
        }
        stem = self.folder / f"{self.count:04}"
        stem.with_suffix(".eml").write_bytes(envelope.content)
        stem.with_suffix(".json").write_text(json.dumps(read))
        return f"250 2.0.0 queued as {self.count:04} for <{envelope.rcpt_tos[0]}>"


def body(message, kind):
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data == ACCOUNT, handled=False)


def certificate(folder):
    """An authority of the district's own and a server certificate under it."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *new_key, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request.pem")
    (folder / "names").write_text("basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "cert.pem")


async def main(folder, port):
    if not (folder / "cert.pem").exists():
        certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    keep = Keep(folder)
    account = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": True}
    loop = asyncio.get_running_loop()

    def starttls():
        return SMTP(keep, hostname="localhost", tls_context=context, require_starttls=True, loop=loop, **account)

    def implicit():
        # TLS is there from the first byte, which aiosmtpd cannot see here.
        return SMTP(keep, hostname="localhost", loop=loop, **{**account, "auth_require_tls": False})

    servers = [
        await loop.create_server(starttls, "127.0.0.1", port),
        await loop.create_server(implicit, "127.0.0.1", 0, ssl=context),
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(json.dumps({"starttls": ports[0], "tls": ports[1]}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


# Refused handshakes and the like are what the tests are about; they look at the client's side.
logging.disable()
warnings.simplefilter("ignore")
asyncio.run(main(pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
