#!/usr/bin/env python3
"""A bot for Komado: listens to what happens and answers every line that mentions it.

    KOMADO=https://localhost:8080 CERTIFICATE=certificate.pem TOKEN=... ./echo_bot.py

It needs nothing but Python 3. A token is made with `komado-server admin token add NAME bot`, or with POST /v1/tokens.
It survives cuts and restarts of the server: it shows the id of the last event it has worked on, which it keeps in a
file, and answers under a key made from the line, so that no answer is written twice.
"""

import http.client
import json
import os
import ssl
import time
from urllib.parse import urlsplit

SERVER = urlsplit(os.environ["KOMADO"])
TLS = ssl.create_default_context(cafile=os.environ.get("CERTIFICATE"))
HEADERS = {"Authorization": "Bearer " + os.environ["TOKEN"]}
PLACE = os.environ.get("PLACE", "echo_bot.place")
SILENCE = 15  # seconds: the server says something every four


def request(method, path, body=None, headers=()):
    """Sends a request, and gives the connection and its answer."""
    connection = http.client.HTTPSConnection(SERVER.hostname, SERVER.port, context=TLS, timeout=SILENCE)
    content = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, body and json.dumps(body), {**HEADERS, **content, **dict(headers)})
    return connection, connection.getresponse()


def command(method, path, body=None, key=None):
    """Gives a command until it is answered: with a key that makes nothing twice."""
    while True:
        try:
            connection, answer = request(method, path, body, {"Idempotency-Key": key}.items() if key else ())
            text = answer.read()
            connection.close()
            if answer.status < 500 and answer.status != 429:
                return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException) as error:
            print("the server does not answer:", error, flush=True)
        time.sleep(1)


def events(last):
    """Every event after the one with this id, as id and data."""
    _, answer = request("GET", "/v1/events", headers={"Last-Event-ID": last}.items() if last else ())
    if answer.status != 200:
        raise OSError(answer.read().decode())
    print("listening", flush=True)
    event = {}
    for line in iter(answer.readline, b""):
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            event[name] = value
        else:  # an empty line ends an event; what has no data is a sign of life
            if "data" in event:
                yield event["id"], json.loads(event["data"])
            event = {}


def work(me, data):
    """Answers a line that mentions the bot, and takes part in chats that it is asked into."""
    if data["event"] == "chat.opened" and data["chat"]["standing"] == "requested":
        command("POST", f"/v1/chats/{data['chat']['id']}/accept", {})
    if data["event"] != "chat.entry":
        return
    chat, entry = data["chat"], data["entry"]
    if entry["from"]["id"] == me["id"] or me["id"] not in entry.get("mentions", []):
        return
    said = entry["text"].replace("@" + me["name"], "").strip()
    answer = {"text": "You said: " + (said or "nothing"), "reply_to": entry["sequence"]}
    status, answered = command("POST", f"/v1/chats/{chat}/messages", answer, key=f"echo-{chat}-{entry['sequence']}")
    print("answered" if status == 201 else f"refused: {answered}", chat, entry["sequence"], flush=True)


def main():
    me = command("GET", "/v1/me")[1]
    last = open(PLACE).read() if os.path.exists(PLACE) else ""
    while True:
        try:
            for last, data in events(last):
                work(me, data)
                with open(PLACE + ".new", "w") as place:
                    place.write(last)
                os.replace(PLACE + ".new", PLACE)
        except (OSError, http.client.HTTPException) as error:
            print("cut off:", error, flush=True)
        time.sleep(1)


if __name__ == "__main__":
    main()
