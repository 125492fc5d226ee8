"""What the tests of a desktop's network reach, over HTTP and HTTPS on 127.0.0.1, until its input
ends: a page, a repository of git, an index of Python packages, a registry of npm. Prints both ports.

  egress_site.py FOLDER     the certificate of allowed.test lies in FOLDER/ca.crt then
"""
import base64
import functools
import hashlib
import http.server
import io
import json
import os
import ssl
import subprocess
import sys
import tarfile
import threading
import urllib.parse
import zipfile

folder = sys.argv[1]
os.chdir(folder)


def run(*words, **more):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def make_page():
    with open('page.html', 'w') as page:
        page.write('<title>Allowed page</title><p>hello from allowed.test')


def make_repository():
    identity = {'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@a.test', 'GIT_COMMITTER_NAME': 'a',
                'GIT_COMMITTER_EMAIL': 'a@a.test', 'PATH': os.environ['PATH'], 'HOME': folder}
    run('git', 'init', '-q', 'work')
    with open('work/file.txt', 'w') as file:
        file.write('from the repository\n')
    run('git', 'add', 'file.txt', cwd='work', env=identity)
    run('git', 'commit', '-qm', 'one', cwd='work', env=identity)
    run('git', 'clone', '-q', '--bare', 'work', 'repository.git', env=identity)
    run('git', 'update-server-info', cwd='repository.git', env=identity)


def make_package():
    os.makedirs('simple/tiny')
    name = 'tiny-1.0-py3-none-any.whl'
    info = 'tiny-1.0.dist-info/'
    with zipfile.ZipFile(f'simple/tiny/{name}', 'w') as wheel:
        wheel.writestr('tiny.py', 'word = "tiny"\n')
        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n')
        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\nGenerator: test\n'
                       'Root-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.writestr(info + 'RECORD', f'tiny.py,,\n{info}METADATA,,\n{info}WHEEL,,\n'
                       f'{info}RECORD,,\n')
    with open('simple/tiny/index.html', 'w') as index:
        index.write(f'<!DOCTYPE html><html><body><a href="{name}">{name}</a></body></html>')


def make_npm_package(name, code, needs=None, tarball=None):
    """As a registry of npm has it: what versions there are, and a file for each."""
    about = {'name': name, 'version': '1.0.0', 'main': 'index.js', 'dependencies': needs or {}}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w:gz') as tar:
        for path, text in (('package.json', json.dumps(about)), ('index.js', code)):
            member = tarfile.TarInfo('package/' + path)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    file = name.split('/')[-1] + '-1.0.0.tgz'
    os.makedirs(f'npm/{name}/-')
    with open(f'npm/{name}/-/{file}', 'wb') as out:
        out.write(packed.getvalue())
    dist = {'shasum': hashlib.sha1(packed.getvalue()).hexdigest(),
            'integrity': 'sha512-' + base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode(),
            'tarball': tarball or f'@BASE@/npm/{name}/-/{file}'}
    with open(f'npm/{name}/packument.json', 'w') as out:
        json.dump({'_id': name, 'name': name, 'dist-tags': {'latest': '1.0.0'},
                   'versions': {'1.0.0': {**about, '_id': name + '@1.0.0', 'dist': dist}}}, out)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        """Of npm, a package's path is a document with addresses of this server."""
        path = folder + urllib.parse.unquote(self.path) + '/packument.json'
        if not os.path.isfile(path):
            return super().do_GET()
        scheme = 'https' if isinstance(self.connection, ssl.SSLSocket) else 'http'
        with open(path) as file:
            text = file.read().replace('@BASE@', f'{scheme}://{self.headers["Host"]}').encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def serve():
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out',
        'ca.crt', '-days', '2', '-subj', '/CN=allowed.test', '-addext',
        'subjectAltName=DNS:allowed.test,DNS:b.wild.test')
    handler = functools.partial(Handler, directory=folder)
    servers = [http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) for _ in range(2)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain('ca.crt', 'ca.key')
    servers[1].socket = context.wrap_socket(
        servers[1].socket, server_side=True, do_handshake_on_connect=False)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(servers[0].server_port, servers[1].server_port, flush=True)


make_page()
make_repository()
make_package()
make_npm_package('@small/one', 'module.exports = "scoped"')
make_npm_package('tiny-js', 'module.exports = "tiny and " + require("@small/one")', {'@small/one': '^1.0.0'})
make_npm_package('strayed', '', tarball='http://evil.test/strayed-1.0.0.tgz')
serve()
sys.stdin.read()
