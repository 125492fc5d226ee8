"""What the tests of a desktop's network reach, over HTTP and HTTPS on 127.0.0.1, until its input
ends: a page, a repository of git, an index of Python packages. Prints both ports.

  egress_site.py FOLDER     the certificate of allowed.test lies in FOLDER/ca.crt then
"""
import functools
import http.server
import os
import ssl
import subprocess
import sys
import threading
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


def serve():
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out',
        'ca.crt', '-days', '2', '-subj', '/CN=allowed.test', '-addext',
        'subjectAltName=DNS:allowed.test,DNS:b.wild.test')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.func.log_message = lambda *args: None
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
serve()
sys.stdin.read()
