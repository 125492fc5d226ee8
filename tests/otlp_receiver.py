#!/usr/bin/env python3
# A collector of traces: OTLP over HTTP, JSON. Prints its port; writes each span that it takes as a
# line of JSON to the file that it is given. Refuses what the protocol does not allow, and the first
# request with 503, as a collector does that is starting.
import http.server
import json
import re
import sys


def check_span(span):
    assert re.fullmatch(r'[0-9a-f]{32}', span['traceId']) and int(span['traceId'], 16)
    assert re.fullmatch(r'[0-9a-f]{16}', span['spanId']) and int(span['spanId'], 16)
    assert re.fullmatch(r'[0-9a-f]{16}|', span.get('parentSpanId', ''))
    assert span['name'] and span['kind'] in (1, 2, 3, 4, 5)
    for key in 'startTimeUnixNano', 'endTimeUnixNano':
        assert isinstance(span[key], str) and re.fullmatch(r'\d{19}', span[key])
    assert int(span['startTimeUnixNano']) <= int(span['endTimeUnixNano'])
    assert span.get('status', {}).get('code', 0) in (0, 1, 2)
    for attribute in span['attributes']:
        (kind, value), = attribute['value'].items()
        assert kind in ('stringValue', 'intValue', 'boolValue', 'doubleValue')
        assert kind != 'intValue' or re.fullmatch(r'-?\d+', value)


class Collector(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        Collector.asked += 1
        try:
            assert self.path == '/v1/traces'
            assert self.headers['Content-Type'] == 'application/json'
            spans = [span for resource in json.loads(body)['resourceSpans']
                     for scope in resource['scopeSpans'] for span in scope['spans']]
            for span in spans:
                check_span(span)
        except Exception as problem:  # told to the test by the file
            self.answer(400, {'message': repr(problem)})
            self.write({'problem': repr(problem)})
            return
        if Collector.asked == 1:
            self.answer(503, {})
            return
        for span in spans:
            self.write(span)
        self.answer(200, {})

    def write(self, line):
        with open(sys.argv[1], 'a') as file:
            file.write(json.dumps(line) + '\n')

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(('127.0.0.1', 0), Collector)
print(server.server_port, flush=True)
server.serve_forever()
