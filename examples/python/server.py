"""Python's own HTTP server, one thread per connection, on the port in PORT."""

import hashlib
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/":
            self.answer({
                "app": "python",
                "version": os.environ.get("VERSION", "v1"),
                "pid": os.getpid(),
                "client": self.headers.get("X-Forwarded-For", self.client_address[0]),
                "address": self.server.server_address,
            })
        elif url.path == "/slow":
            time.sleep(int(parse_qs(url.query).get("ms", ["1000"])[0]) / 1000)
            self.answer({"pid": os.getpid()})
        elif url.path in ("/ready", "/live"):
            self.answer({"ok": True})
        else:
            self.answer({"error": "not found"}, 404)

    def do_POST(self):
        body = self.read_body()
        if urlsplit(self.path).path == "/echo":
            self.answer({"length": len(body), "sha256": hashlib.sha256(body).hexdigest()})
        else:
            self.answer({"error": "not found"}, 404)

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, code="-", size="-"):
        pass  # the proxy has an access log


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler)
print("listening on", server.server_address, flush=True)
server.serve_forever()
