"""A web service of tests: says who answers, streams, and echoes over WebSocket. Standard library only.

/        the port                /host    the instance
/stream  one line, and another when the home has a file named `go`
/upload  how many bytes came     /socket  a WebSocket (RFC 6455) that sends every message back
"""

import base64
import hashlib
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ["PORT"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/stream":
            return self.stream()
        if self.path == "/socket":
            return self.socket()
        if self.path == "/health":
            return self.say("", 200 if os.path.exists("healthy") else 500)
        self.say(socket.gethostname() if self.path == "/host" else f"{os.environ['USER']} on {PORT}")

    def do_POST(self):
        left, got = int(self.headers["Content-Length"]), 0
        while got < left:
            got += len(self.rfile.read(min(65536, left - got)))
        self.say(str(got))

    def say(self, text, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"6\r\nfirst\n\r\n")
        while not os.path.exists("go"):
            time.sleep(0.02)
        self.wfile.write(b"7\r\nsecond\n\r\n0\r\n\r\n")

    def socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            first, length = self.rfile.read(2)
            length &= 127
            if length == 126:
                length = int.from_bytes(self.rfile.read(2), "big")
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(length)))
            head = bytes([first, length]) if length < 126 else bytes([first, 126]) + length.to_bytes(2, "big")
            self.wfile.write(head + data)
            if first & 15 == 8:
                return

    def log_message(self, form, *words):
        print(form % words, flush=True)


class Server(ThreadingHTTPServer):
    request_queue_size = 128


print("serves", PORT, *sys.argv[1:], flush=True)
Server(("0.0.0.0", PORT), Handler).serve_forever()
