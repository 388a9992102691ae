"""Runs the baseline as Lambda's Python runtime runs a handler: asks for an event, answers it, asks again."""

import http.client
import json
import os

import baseline

API = "/2018-06-01/runtime/invocation"

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", f"{API}/next")
    answer = connection.getresponse()
    event = json.load(answer)
    result = json.dumps(baseline.handle(event, None))
    connection.request("POST", f"{API}/{answer.headers['lambda-runtime-aws-request-id']}/response", result)
    connection.getresponse().read()
