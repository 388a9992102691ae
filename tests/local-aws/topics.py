"""Delivers what a topic publishes as SNS does, without a mailbox and without the internet.

- A queue that replaces a mailbox gets the text that SNS would mail.
- An `https` endpoint is a web server on the loopback interface, which a test names. No other request is sent.
- CloudFormation asks an `https` endpoint to confirm, and until then the subscription has no ARN.
"""

import asyncio
import json
import os
import threading
import urllib.parse
from pathlib import Path

from ministack.services import sns
from ministack.services.cloudformation import provisioners

# The beginning of the names of these queues: see tests/src/mailbox.rs.
MAILBOX = ":mailbox-"

# A test writes the address of its web server here: `http://127.0.0.1:PORT`.
WEB_SERVER = Path(os.environ["TMPDIR"], "web-server")

published = threading.local()


def deliver_mails_to_mailboxes():
    fan_out, to_queue = sns._fanout, sns._deliver_to_sqs

    def fanout(topic, identifier, message, subject, structure="", *rest, **named):
        published.mail = sns._resolve_message_for_protocol(message, structure, "email")
        return fan_out(topic, identifier, message, subject, structure, *rest, **named)

    def deliver_to_queue(endpoint, envelope, *rest, **named):
        if MAILBOX in endpoint:
            envelope = json.dumps(json.loads(envelope) | {"Message": published.mail})
        return to_queue(endpoint, envelope, *rest, **named)

    sns._fanout, sns._deliver_to_sqs = fanout, deliver_to_queue


def stay_on_the_loopback_interface():
    post = sns._http_post_sync

    def post_to_the_test(endpoint, payload, kind):
        if not WEB_SERVER.exists():
            return 503
        return post(WEB_SERVER.read_text() + urllib.parse.urlsplit(endpoint).path, payload, kind)

    sns._http_post_sync = post_to_the_test


def ask_to_confirm():
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    create, list_by_topic = handlers["create"], sns._list_subscriptions_by_topic

    def ask(logical_id, properties, stack):
        result = create(logical_id, properties, stack)
        subscription = sns._find_subscription(properties["TopicArn"], result[0])
        if subscription and not subscription["confirmed"]:
            subscription["token"] = subscription["arn"].rpartition(":")[2]
            request = sns._send_subscription_confirmation(properties["TopicArn"], subscription)
            threading.Thread(target=asyncio.run, args=(request,), daemon=True).start()
        return result

    def list_with_states(parameters):
        status, headers, body = list_by_topic(parameters)
        topic, _ = sns._get_topic(sns._p(parameters, "TopicArn"))
        for subscription in topic["subscriptions"] if topic else []:
            if not subscription["confirmed"]:
                body = body.replace(subscription["arn"].encode(), b"PendingConfirmation")
        return status, headers, body

    handlers["create"], sns._list_subscriptions_by_topic = ask, list_with_states


def patch():
    deliver_mails_to_mailboxes()
    stay_on_the_loopback_interface()
    ask_to_confirm()
