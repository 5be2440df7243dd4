# A server and a request to it, over the session's own loopback: no network is needed.
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.request import urlopen


class Greeter(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"you asked for {self.path}".encode())

    def log_message(self, *args):
        pass


with HTTPServer(("127.0.0.1", 0), Greeter) as server:
    Thread(target=server.handle_request).start()
    with urlopen(f"http://127.0.0.1:{server.server_port}/greeting") as answer:
        print(answer.status, answer.read().decode())
