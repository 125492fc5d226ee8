"""What the tests of an open network reach, in place of the internet: a network namespace that is
joined to this one by a pair of interfaces, with a page and an echo of UDP at each of its addresses.
In this namespace it plays the machine: a name server on the loopback, and a page on all addresses.
Prints "ready", and ends with its input. Run as root in a network namespace of one's own.
"""
import hashlib
import http.server
import socket
import struct
import subprocess
import sys
import threading

SITE = '11.22.33.44'  # nobody's here: there is no way out of these namespaces
NEIGHBOUR = '11.22.44.55'  # on the machine's own network, whose addresses are public ones
OUTSIDE = [NEIGHBOUR, SITE, '11.22.33.45', '169.254.169.254', '100.100.100.200', '10.9.8.7', '192.168.77.1', '172.20.0.9']
MACHINE = '11.22.33.1'
MACHINE_BESIDE = '11.22.44.1'
LARGE = bytes(range(251)) * (1 << 17)  # 31 MiB
NAMES = {'site.test': SITE, 'metadata.test': '169.254.169.254', 'private.test': '10.9.8.7',
         'own.test': MACHINE}


def ip(*words):
    subprocess.run(('ip',) + words, check=True)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/large':
            self.answer(LARGE)
        else:
            self.answer(f'<title>Outside page</title><p>hello from {self.server.text}'.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(hashlib.sha256(body).hexdigest().encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header('Content-Type', 'text/html')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def serve_page(address, port, text):
    server = http.server.ThreadingHTTPServer((address, port), Page)
    server.text = text
    threading.Thread(target=server.serve_forever, daemon=True).start()


def serve_udp(address, port, answer, answering=None):
    """The answers come from another socket, if one is given."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))

    def serve():
        while True:
            message, sender = server.recvfrom(4096)
            (answering or server).sendto(answer(message), sender)
    threading.Thread(target=serve, daemon=True).start()
    return server


def resolve(query):
    """The answer to one question for an address; RFC 1035."""
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question = query[12:at + 5]
    address = NAMES.get('.'.join(labels).lower())
    is_a = question[-4:-2] == b'\0\1'
    records = b''
    if address and is_a:
        records = b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + socket.inet_aton(address)
    head = struct.pack('>HHHHHH', struct.unpack('>H', query[:2])[0],
                       0x8180 if address else 0x8183, 1, 1 if records else 0, 0, 0)
    return head + question + records


def play_outside():
    print('here', flush=True)
    sys.stdin.readline()
    ip('link', 'set', 'lo', 'up')
    ip('address', 'add', NEIGHBOUR + '/24', 'dev', 'outside')
    ip('link', 'set', 'outside', 'up')
    ip('route', 'add', MACHINE, 'dev', 'outside')
    for address in OUTSIDE[1:]:
        ip('address', 'add', address + '/32', 'dev', 'lo')
    for address in OUTSIDE:
        serve_page(address, 80, 'outside')
    serve_udp(SITE, 7, lambda message: b'echo of ' + message)
    stranger = serve_udp(SITE, 9, lambda message: b'asked')
    serve_udp(SITE, 8, lambda message: b'asked', stranger)
    print('ready', flush=True)
    sys.stdin.read()


def play_machine():
    outside = subprocess.Popen(['unshare', '--net', sys.executable, __file__, 'outside'],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert outside.stdout.readline() == 'here\n'
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', 'inside', 'type', 'veth', 'peer', 'name', 'outside', 'netns',
       str(outside.pid))
    ip('address', 'add', MACHINE + '/32', 'dev', 'inside')
    ip('address', 'add', MACHINE_BESIDE + '/24', 'dev', 'inside')
    ip('link', 'set', 'inside', 'up')
    ip('route', 'add', 'default', 'via', NEIGHBOUR)
    outside.stdin.write('go\n')
    outside.stdin.flush()
    assert outside.stdout.readline() == 'ready\n'
    serve_page('0.0.0.0', 8080, 'the machine')
    serve_udp('127.0.0.1', 53, resolve)
    print('ready', flush=True)
    sys.stdin.read()
    outside.stdin.close()
    outside.wait()


if len(sys.argv) > 1:
    play_outside()
else:
    play_machine()
