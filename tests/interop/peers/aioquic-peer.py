# SPDX-License-Identifier: GPL-2.0-or-later
"""A client and a server on aioquic's public API; the environment is that of lib.sh.

Started by the peer `aioquic`. HTTP/0.9 and HTTP/3, one of them a run. All of a file
is in memory, on both sides.
"""
import asyncio
import os
import signal
import ssl
import sys
from urllib.parse import urlsplit

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import (ConnectionTerminated, ProtocolNegotiated, StreamDataReceived,
                                 StreamReset)
from aioquic.quic.logger import QuicFileLogger
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite

CASE = os.environ["TESTCASE"]
ALPN = os.environ["ALPN"]
WWW, DOWNLOADS, CERTS = (os.environ[name] for name in ("WWW", "DOWNLOADS", "CERTS"))
TICKET_TIMEOUT = 5      # seconds
WINDOW = 4 << 20        # bytes, of a stream and of the connection


def configuration(is_client):
    conf = QuicConfiguration(is_client=is_client, alpn_protocols=[ALPN],
                             max_data=WINDOW, max_stream_data=WINDOW)
    if os.environ.get("SSLKEYLOGFILE"):
        conf.secrets_log_file = open(os.environ["SSLKEYLOGFILE"], "a", encoding="ascii")
    if os.environ.get("QLOGDIR"):
        conf.quic_logger = QuicFileLogger(os.environ["QLOGDIR"])
    if CASE == "v2":
        conf.original_version = QuicProtocolVersion.VERSION_1
        conf.supported_versions = [QuicProtocolVersion.VERSION_2, QuicProtocolVersion.VERSION_1]
    if CASE == "chacha20":
        conf.cipher_suites = [CipherSuite.CHACHA20_POLY1305_SHA256]
    if is_client:
        conf.verify_mode = ssl.CERT_NONE
    else:
        conf.load_cert_chain(os.path.join(CERTS, "cert.pem"), os.path.join(CERTS, "priv.key"))
    return conf


class Peer(QuicConnectionProtocol):
    """What both roles have: streams of HTTP/3 and of HTTP/0.9 look the same to them."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = None

    def begin(self):
        if ALPN == "h3" and not self.http:
            self.http = H3Connection(self._quic)

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.begin()
        elif isinstance(event, StreamReset):
            self.failed(event.stream_id, f"reset, {event.error_code}")
        elif isinstance(event, ConnectionTerminated):
            self.terminated(event)
        if self.http:
            for inner in self.http.handle_event(event):
                if isinstance(inner, HeadersReceived):
                    self.headers(inner.stream_id, dict(inner.headers))
                if isinstance(inner, (HeadersReceived, DataReceived)):
                    self.received(inner.stream_id, getattr(inner, "data", b""),
                                  inner.stream_ended)
        elif isinstance(event, StreamDataReceived):
            self.received(event.stream_id, event.data, event.end_stream)

    def failed(self, stream, why):
        pass

    def terminated(self, event):
        pass


class Client(Peer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.files = {}         # stream: (bytearray, future)
        self.key_updated = False

    async def get(self, url):
        """The bytes of a URL."""
        self.begin()
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.files[stream] = (bytearray(), done)
        if self.http:
            self.http.send_headers(stream, [
                (b":method", b"GET"), (b":scheme", b"https"),
                (b":authority", url.netloc.encode()), (b":path", url.path.encode())],
                end_stream=True)
        else:
            self._quic.send_stream_data(stream, f"GET {url.path}\r\n".encode(), True)
        self.transmit()
        return await done

    def headers(self, stream, headers):
        if headers.get(b":status") != b"200":
            self.failed(stream, f"status {headers.get(b':status')}")

    def received(self, stream, data, ended):
        if stream not in self.files:
            return
        if CASE == "keyupdate" and not self.key_updated:
            self.key_updated = True
            self.request_key_update()
        content, done = self.files[stream]
        content += data
        if ended and not done.done():
            done.set_result(content)

    def failed(self, stream, why):
        done = self.files[stream][1] if stream in self.files else None
        if done and not done.done():
            done.set_exception(ConnectionError(why))

    def terminated(self, event):
        for stream in self.files:
            self.failed(stream, f"closed, {event.error_code} {event.reason_phrase}")


class Server(Peer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.lines = {}         # stream: what came of a request's line
        self.paths = {}
        self.answered = set()

    def headers(self, stream, headers):
        self.paths[stream] = headers.get(b":path", b"").decode()

    def received(self, stream, data, ended):
        # A FIN that came twice is told twice.
        if stream % 4 or stream in self.answered:
            return
        self.lines[stream] = self.lines.get(stream, b"") + data
        if not ended:
            return
        self.answered.add(stream)
        line = self.lines.pop(stream)
        path = self.paths.pop(stream) if self.http else line.decode().split()[1]
        try:
            with open(os.path.join(WWW, os.path.basename(path)), "rb") as file:
                content, status = file.read(), b"200"
        except OSError:
            content, status = b"", b"404"
        if self.http:
            self.http.send_headers(stream, [(b":status", status),
                                            (b"content-length", b"%d" % len(content))])
            self.http.send_data(stream, content, True)
        else:
            self._quic.send_stream_data(stream, content, True)
        self.transmit()


async def fetch(urls, ticket=None):
    """One connection for these URLs; the ticket that the server gave."""
    conf = configuration(True)
    conf.session_ticket = ticket
    tickets, have_ticket = [], asyncio.Event()

    def keep(new):
        tickets.append(new)
        have_ticket.set()

    early = CASE == "zerortt" and ticket is not None
    async with connect(urls[0].hostname, urls[0].port or 443, configuration=conf,
                       create_protocol=Client, session_ticket_handler=keep,
                       wait_connected=not early) as client:
        files = await asyncio.gather(*(client.get(url) for url in urls))
        if CASE in ("resumption", "zerortt") and not ticket:
            await asyncio.wait_for(have_ticket.wait(), TICKET_TIMEOUT)
    for url, content in zip(urls, files):
        with open(os.path.join(DOWNLOADS, os.path.basename(url.path)), "wb") as file:
            file.write(content)
    return tickets[0] if tickets else None


async def run_client():
    urls = [urlsplit(url) for url in os.environ["REQUESTS"].split()]
    if CASE == "multiconnect":
        for url in urls:
            await fetch([url])
    elif CASE in ("resumption", "zerortt"):
        ticket = await fetch(urls[:1])
        await fetch(urls[1:], ticket)
    else:
        await fetch(urls)


async def run_server():
    tickets = {}
    await serve("::", 443, configuration=configuration(False), create_protocol=Server,
                session_ticket_fetcher=tickets.get,
                session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}),
                retry=CASE == "retry")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


def main():
    try:
        asyncio.run(run_client() if os.environ["ROLE"] == "client" else run_server())
    except (OSError, asyncio.TimeoutError) as error:
        sys.exit(f"aioquic: {type(error).__name__} {error}")


main()
