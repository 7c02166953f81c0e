"""A service that knows nothing of tokens. The proxy in front of it checks them and says who is calling.

It answers every request with what has reached it. At /socket it speaks WebSocket.
"""

import base64
import hashlib
import http.client
import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("PORT", "4020"))
GUARD = os.environ.get("GUARD", "127.0.0.1:4010")
NAMES = {
    "userId": "X-Auth-User-Id",
    "sessionId": "X-Auth-Session-Id",
    "tokenId": "X-Auth-Token-Id",
    "role": "X-Auth-Role",
}
MAX_BODY = 64 * 1024 * 1024
MAX_MESSAGE = 64 * 1024


def is_good(authorization):
    """Asks the guard whether the token is still good. Without an answer it is not."""
    guard = http.client.HTTPConnection(GUARD, timeout=5)
    try:
        guard.request("HEAD", "/verify", headers={"Authorization": authorization})
        return guard.getresponse().status == 200
    except (http.client.HTTPException, OSError):
        return False
    finally:
        guard.close()


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    # Otherwise a body waits up to 40 ms for the acknowledgement of its headers.
    disable_nagle_algorithm = True
    user = None

    def parse_request(self):
        """Reads the request, and refuses it without a user. It is called once for each request."""
        if not super().parse_request():
            return False
        values = {key: self.headers.get_all(name, []) for key, name in NAMES.items()}
        is_signed_in = all(len(found) == 1 and found[0] for found in values.values())
        self.user = {key: found[0] for key, found in values.items()} if is_signed_in else None
        if self.path.startswith("/public/"):
            return True
        # The proxy has checked both. But only this program knows what it does at which path.
        if self.user is None:
            return self.refuse(401, "No user: this request has not come through the proxy.")
        if self.path.lower().startswith("/admin") and self.user["role"] != "ADMIN":
            return self.refuse(403, "Administrators only.")
        return True

    def refuse(self, status, why):
        # The body has not been read, so the connection cannot go on.
        self.close_connection = True
        self.answer(status, {"error": why}, {"Connection": "close"})
        return False

    def answer(self, status, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        # What is here is for this user only.
        self.send_header("Cache-Control", "private, no-store")
        for name, text in dict(headers).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def body_length(self):
        """Reads the whole body and returns its length, or None if it must be refused."""
        if "Transfer-Encoding" in self.headers:
            return self.chunked_length() if self.headers.get_all("Transfer-Encoding") == ["chunked"] else None
        lengths = self.headers.get_all("Content-Length", ["0"])
        if len(lengths) != 1 or not lengths[0].isdecimal() or int(lengths[0]) > MAX_BODY:
            return None
        return int(lengths[0]) if self.skip(int(lengths[0])) else None

    def chunked_length(self):
        total = 0
        while True:
            size = self.rfile.readline(64).rstrip(b"\r\n")
            if not size or any(digit not in b"0123456789abcdefABCDEF" for digit in size):
                return None
            count = int(size, 16)
            total += count
            # The last chunk may have no trailers.
            if total > MAX_BODY or not self.skip(count) or self.rfile.read(2) != b"\r\n":
                return None
            if count == 0:
                return total

    def skip(self, length):
        while length > 0:
            part = self.rfile.read(min(length, 1 << 16))
            if not part:
                return False
            length -= len(part)
        return True

    def serve(self):
        if self.path == "/socket":
            return self.serve_socket()
        length = self.body_length()
        if length is None:
            return self.refuse(400, "The body cannot be read.")
        return self.answer(
            200,
            {
                "method": self.command,
                "path": self.path,
                "user": self.user,
                "headers": self.headers.items(),
                "bodyLength": length,
            },
        )

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    # The WebSocket is written by hand, because Python brings none. A real service uses a library.
    def serve_socket(self):
        key = self.headers.get("Sec-WebSocket-Key")
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key:
            return self.refuse(400, "This is a WebSocket.")
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.close_connection = True
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        # The proxy has checked the token once, when the socket was opened. Before each message it is asked again.
        while (message := self.read_message()) is not None:
            if not is_good(self.headers.get("Authorization", "")):
                return self.send_frame(8, (4403).to_bytes(2, "big") + b"Forbidden")
            self.send_frame(1, json.dumps({"userId": self.user["userId"], "echo": message}).encode())
        return None

    def read_message(self):
        """Returns the next text, or None at the end. Only short unbroken messages are understood."""
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] != 0x81 or not head[1] & 0x80:
            return None
        length = head[1] & 0x7F
        if length == 126:
            length = int.from_bytes(self.rfile.read(2), "big")
        if length > MAX_MESSAGE or length == 127:
            return None
        mask, masked = self.rfile.read(4), self.rfile.read(length)
        return bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked)).decode()

    def send_frame(self, opcode, payload):
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
        self.wfile.write(bytes([0x80 | opcode]) + length + payload)
        self.wfile.flush()

    def log_message(self, *_):
        pass


# Only the proxy may reach it: what can connect can claim to be anybody.
server = ThreadingHTTPServer(("127.0.0.1", PORT), Service)
server.daemon_threads = True
for name in (signal.SIGINT, signal.SIGTERM):
    signal.signal(name, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"The service is ready at http://127.0.0.1:{PORT}/", flush=True)
server.serve_forever()
