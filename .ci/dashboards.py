"""Starts the native server and a Prometheus, loads the one, has the other scrape it, and runs every query of every panel.

Ends with 0 when each query returns data, every rule can be evaluated, the probe's text and the conformant names of the metrics pass
`promtool check metrics`, and a query of what does not exist is seen to return nothing.
"""

import argparse
import json
import math
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parent.parent
MADE = ROOT / "reference-impl/observability/prometheus"
# Any record will do: a run of the suite has the kind `isolation` in its text even where no such case was among it.
RECORD = ROOT / "reports/tests/records/conformance-local-0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f21.json"
# How long the load goes on at least, and how often each kind of request is made at least.
LOAD_SECONDS, ROUNDS = 12, 6
# What $__rate_interval becomes: longer than all of this takes.
WINDOW = "2m"
FACT = {"id": "lamp", "content": "The heron lamp has four wicks.", "content_type": "text/plain"}
QUESTIONS = ["How many wicks does the heron lamp have?", "heron lamp wicks", "Has the lamp four wicks?", "refund window"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def keys():
    """The published demo keys by tenant and name."""
    text = (ROOT / "fixtures/credentials/keys.yaml").read_text()
    found = re.findall(r"- tenant: (\S+)\n  name: (\S+)\n  key: (\S+)", text)
    return {(tenant, name): key for tenant, name, key in found}


KEYS = keys()


def call(url, method="GET", body=None, key=None, headers=None, read=None):
    """One request; gives status and body, of which `read` bytes are read before hanging up."""
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
    if key:
        request.add_header("authorization", "Bearer " + key)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read() if read is None else answer.read(read)
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def flows(base, control):
    """What clients do, by name: each is called with the number of the round and gives the status that it got."""
    main, other = KEYS["aurora-bikes", "all"], KEYS["meridian-lab", "all"]
    chat = {"messages": [{"role": "user", "content": QUESTIONS[0]}]}
    long_chat = {"messages": [{"role": "user", "content": "Tell all that is known of batteries, brakes, chains and tyres."}]}

    def post(path, body, key=main, **more):
        return call(base + path, "POST", body, key, **more)[0]

    def with_fault(tenant, port, kind, ask):
        place = f"{control}/faults/{port}"
        status = call(place, "PUT", {"kind": kind, "tenant": tenant})[0]
        assert status == 200, f"{port}: the fault was answered {status}"
        asked = ask()
        call(f"{place}?tenant={tenant}", "DELETE")
        return asked

    def document(number):
        return {"id": f"dash-{number}", "content": f"The lamp {number} has four wicks.", "content_type": "text/plain"}

    return {
        "search": (200, lambda n: post("/search", {"query": QUESTIONS[n % len(QUESTIONS)]})),
        "search of another": (200, lambda n: post("/search", {"query": QUESTIONS[0], "cache": "bypass"}, other)),
        "retrieve": (200, lambda n: post("/retrieve", {"query": QUESTIONS[n % len(QUESTIONS)]})),
        "chat": (200, lambda n: post("/chat", chat)),
        "chat that is left": (200, lambda n: post("/chat", long_chat, read=1)),
        "ingest": (200, lambda n: post("/ingest", {"documents": [document(n % 4)]})),
        "job": (202, lambda n: post("/ingest", {"async": True, "documents": [document(4 + n % 4)]})),
        "tool": (200, lambda n: post("/tools/execute", {"tool": "summarize", "arguments": {"text": "The mill has four sails. It turns."}})),
        "speech": (200, lambda n: post("/tts", {"text": "Good morning."})),
        "missing": (404, lambda n: call(base + "/documents/none", key=main)[0]),
        "another tenant": (403, lambda n: call(base + "/documents", key=main, headers={"x-tenant-id": "meridian-lab"})[0]),
        "over the limit": (None, lambda n: [call(base + "/documents", key=KEYS["tiny-rates", "all"])[0] for _ in range(20)]),
        "without a database": (503, lambda n: with_fault("lumen-desk", "database", "refused", lambda: call(base + "/documents", key=KEYS["lumen-desk", "all"])[0])),
        "without a rate store": (200, lambda n: with_fault("careful-clinic", "rate_store", "refused", lambda: call(base + "/documents", key=KEYS["careful-clinic", "all"])[0])),
        "without a generator": (200, lambda n: with_fault("meridian-lab", "generator", "refused", lambda: post("/search", {"query": QUESTIONS[0], "cache": "bypass"}, other))),
    }


def load(base, control):
    """Makes every kind of request until the time is over; gives what was answered otherwise than expected."""
    wrong, end = [], time.monotonic() + LOAD_SECONDS

    def go(name, expected, ask):
        count = 0
        while time.monotonic() < end or count < ROUNDS:
            try:
                status = ask(count)
            except (OSError, AssertionError) as error:
                status = repr(error)
            if expected is not None and status != expected:
                wrong.append(f"{name}: expected {expected}, got {status}")
                return
            count += 1
            time.sleep(0.2)

    threads = [threading.Thread(target=go, args=(name, *flow)) for name, flow in flows(base, control).items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def serve_text(text):
    """Serves the probe's text as a collector of text files would."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def start_server(programs, folder, logs):
    """Starts the native server; gives the process and its addresses."""
    control, log = free_port(), open(logs / "dashboards-server.log", "w+")
    command = [programs / "reference-impl", "serve", "--addr", "127.0.0.1:0", "--control", f"127.0.0.1:{control}"]
    command += ["--data", folder / "data", "--tenants", ROOT / "fixtures/tenants", "--demo"]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    for _ in range(300):
        found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", (logs / "dashboards-server.log").read_text())
        if found:
            return process, found[1], f"http://127.0.0.1:{control}"
        time.sleep(0.1)
    process.kill()
    sys.exit("the server did not start; see dashboards-server.log")


def start_prometheus(folder, logs, server, probe):
    """Starts a Prometheus that scrapes both each second, with the committed rules; gives the process and its address."""
    (folder / "key").write_text(KEYS["aurora-bikes", "operator"])
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "2s"},
        "rule_files": [str(MADE / "rules.yaml")],
        "scrape_configs": [
            {
                "job_name": "plumbline",
                "authorization": {"type": "Bearer", "credentials_file": str(folder / "key")},
                "static_configs": [{"targets": [server.removeprefix("http://")]}],
            },
            {"job_name": "probe", "static_configs": [{"targets": [f"127.0.0.1:{probe}"]}]},
        ],
    }
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    port = free_port()
    command = ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    process = subprocess.Popen(command, stdout=open(logs / "dashboards-prometheus.log", "w"), stderr=subprocess.STDOUT)
    for _ in range(300):
        try:
            if call(f"http://127.0.0.1:{port}/-/ready")[0] == 200:
                return process, f"http://127.0.0.1:{port}"
        except OSError:
            pass
        time.sleep(0.1)
    process.kill()
    sys.exit("Prometheus did not start; see dashboards-prometheus.log")


def values(prometheus, expression):
    """The numbers that an expression gives now; those that are none do not count."""
    query = urllib.parse.urlencode({"query": expression})
    status, body = call(f"{prometheus}/api/v1/query?{query}")
    answer = json.loads(body)
    if status != 200:
        raise ValueError(answer.get("error", status))
    series = answer["data"]["result"]
    return [number for number in (float(one["value"][1]) for one in series) if not math.isnan(number)]


def check_panels(programs, prometheus):
    """Asks every query; gives how many there are and what is wrong."""
    asked = json.loads(subprocess.check_output([programs / "observability", "queries", "--window", WINDOW]))
    wrong, still = [], []
    for one in asked:
        place = f"{one['dashboard']} / {one['panel']}"
        try:
            found = values(prometheus, one["expr"])
        except ValueError as error:
            wrong.append(f"{place}: {error}\n    {one['expr']}")
            continue
        if not found:
            wrong.append(f"{place}: no data\n    {one['expr']}")
        elif not any(found):
            still.append(place)
    print(f"{len(asked)} queries, {len(asked) - len(wrong)} with data; 0 alone: {', '.join(still) or 'none'}")
    if values(prometheus, "sum(rate(no_such_metric_total[2m]))"):
        wrong.append("a query of what does not exist gave data")
    return wrong


def check_rules(prometheus):
    """Every rule must have been evaluated without a fault; gives what is wrong."""
    groups = json.loads(call(f"{prometheus}/api/v1/rules")[1])["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    firing = sorted({rule["name"] for rule in rules if rule.get("state") == "firing"})
    print(f"{len(rules)} rules evaluated; firing: {', '.join(firing) or 'none'}")
    wrong = [f"rule {rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
    return wrong + ([] if rules else ["no rule was loaded"])


def check_names(text, what):
    """Holds names and help texts by promtool; gives what is wrong."""
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    said = (checked.stdout + checked.stderr).strip()
    families = text.count("# TYPE ")
    print(f"promtool check metrics: {families} families of {what}")
    return [f"{what}: {said}"] if checked.returncode or said or not families else []


def conformant(page):
    """The lines of the metrics under the names that keep to the conventions of Prometheus."""
    name = re.compile(r"(?:# (?:HELP|TYPE) )?plumbline_")
    return "".join(line for line in page.splitlines(keepends=True) if name.match(line))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--programs", type=pathlib.Path, required=True, help="folder of the built programs")
    arguments.add_argument("--logs", type=pathlib.Path, required=True, help="folder for the logs of both servers")
    given = arguments.parse_args()
    started, running = time.monotonic(), []
    programs, logs = given.programs.resolve(), given.logs.resolve()
    command = [programs / "reports", "--format", "prometheus", "--run", RECORD]
    probe = subprocess.run(command, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            server, base, control = start_server(programs, folder, logs)
            running.append(server)
            for tenant in ["aurora-bikes", "meridian-lab"]:
                status, said = call(base + "/ingest", "POST", {"documents": [FACT]}, KEYS[tenant, "all"])
                assert status == 200, f"{tenant}: the ingest was answered {status}: {said}"
            # A first request of each tenant, so that its counters are scraped before they rise.
            for tenant in ["aurora-bikes", "meridian-lab", "lumen-desk", "careful-clinic", "tiny-rates"]:
                call(base + "/documents", key=KEYS[tenant, "all"])
            process, prometheus = start_prometheus(folder, logs, base, serve_text(probe.encode()))
            running.append(process)
            while not values(prometheus, 'up{job="plumbline"} == 1 and on () up{job="probe"} == 1'):
                if time.monotonic() - started > 60:
                    sys.exit("Prometheus does not scrape the server; see dashboards-prometheus.log")
                time.sleep(0.2)
            wrong = load(base, control)
            time.sleep(3)
            wrong += check_panels(programs, prometheus) + check_rules(prometheus)
            page = call(base + "/metrics", key=KEYS["aurora-bikes", "operator"])[1].decode()
            wrong += check_names(conformant(page), "the server") + check_names(probe, "the probe")
        finally:
            for process in reversed(running):
                process.terminate()
                process.wait()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
