"""Puts each fault of table.yaml where it belongs, in a scratch clone or in a server with switches, and sees the command turn red.

    run.py CACHE [--check] [--all] [TEXT...]

--check only holds the table against the workflows, --all does also what takes minutes, TEXT chooses rows whose job or step holds it.
Exit codes: 0 every fault was seen, 100 one was not or the table lacks a command, 2 usage.
"""

import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import string
import subprocess
import sys
import tempfile
import time
import urllib.request

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What a hosted machine needs, and what only a hosted machine can do.
OF_THE_HOST = ("sudo apt-get update && sudo apt-get install -y ", "gh pr comment ")


def steps(folder):
    """Job and command of every step of every workflow that runs one."""
    for path in sorted(folder.glob("*.yml")):
        for job, about in yaml.safe_load(path.read_text())["jobs"].items():
            runs = [step["run"].strip() for step in about["steps"] if "run" in step]
            own = [run for run in runs if not run.startswith(OF_THE_HOST)]
            yield from ((f"{path.stem}/{job}", run) for run in own)
            if not own:
                yield f"{path.stem}/{job}", "(nothing)"


def held(rows, folder):
    """Where table and workflows differ."""
    there, told = set(steps(folder)), [(row["job"], row["step"]) for row in rows]
    faults = [f"{job}: `{step}` has no row in table.yaml" for job, step in sorted(there - set(told))]
    faults += [f"table.yaml: no workflow has `{step}` in {job}" for job, step in sorted(set(told) - there)]
    for row in rows:
        ways = [way for way in ("file", "switch", "live", "proven") if way in row]
        if len(ways) != 1:
            faults.append(f"table.yaml: expected one of file, switch, live and proven for `{row['step']}`, found {ways}")
        if "proven" in row and row["proven"]["holds"] not in (ROOT / row["proven"]["file"]).read_text():
            faults.append(f"table.yaml: {row['proven']['file']} holds no `{row['proven']['holds']}`")
    return faults


def sees_what_is_missing(rows):
    """Whether a job, and a command, that the table lacks would be told."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for path in (ROOT / ".github/workflows").glob("*.yml"):
            text = yaml.safe_load(path.read_text())
            if path.stem == "drift":
                text["jobs"]["another"] = {"runs-on": "x", "steps": [{"run": "true"}]}
                text["jobs"]["drift"]["steps"].append({"run": "cargo run -p deploy -- validate"})
            (copy / path.name).write_text(yaml.safe_dump(text))
        return len(held(rows, copy)) == 2 + len(held(rows, ROOT / ".github/workflows"))


class Clone:
    """The project as it stands, in a folder of its own that may be broken."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder, "clone")
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(self.root)], check=True)
        changed = subprocess.run(["git", "diff", "HEAD", "--binary"], cwd=ROOT, check=True, capture_output=True).stdout
        if changed:
            subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=self.root, input=changed, check=True)
        listed = subprocess.run(["git", "ls-files", "-z", "-o", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
        for name in filter(lambda it: it and (ROOT / it).is_file(), listed.decode().split("\0")):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.root / name)

    def put(self, row):
        """Puts the fault in; gives what takes it out again."""
        for needed in row.get("needs", []):
            if not (ROOT / needed).exists():
                raise SystemExit(f"expected {needed}; make it first, by `{row['step']}`")
            if needed.endswith("node_modules") and not (self.root / needed).exists():
                (self.root / needed).symlink_to((ROOT / needed).resolve())
            elif not (self.root / needed).exists():
                shutil.copytree(ROOT / needed, self.root / needed)
        path = self.root / row["file"]
        before = path.read_text()
        if "append" in row:
            base62 = string.ascii_letters + string.digits
            filled = re.sub(r"\{\{random (\d+)\}\}", lambda it: "".join(secrets.choice(base62) for _ in range(int(it[1]))), row["append"])
            after = f"{before}\n{filled}\n"
        else:
            old, new = row["replace"]
            if old not in before:
                raise SystemExit(f"table.yaml: {row['file']} holds no `{old}`")
            after = before.replace(old, new, 1)
        return (lambda: path.write_text(after)), (lambda: path.write_text(before))


def free():
    """A port that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A build of the reference with switches for its flaws."""

    def __init__(self, folder):
        self.log = open(pathlib.Path(folder, "server.log"), "w+")
        program = os.environ["PLUMBLINE_SABOTAGED"]
        port, control = free(), free()
        words = [program, "serve", "--addr", f"127.0.0.1:{port}", "--control", f"127.0.0.1:{control}", "--data", f"{folder}/data",
                 "--tenants", "fixtures/tenants", "--demo"]
        self.url, self.control = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{control}"
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=self.log, stderr=subprocess.STDOUT)
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return
            except OSError as error:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise SystemExit(f"the server with switches did not start: {error}") from error
                time.sleep(0.1)

    def tell(self, method, path, body=None):
        request = urllib.request.Request(f"{self.control}{path}", method=method, data=json.dumps(body).encode() if body else None)
        if body:
            request.add_header("content-type", "application/json")
        urllib.request.urlopen(request, timeout=30).close()

    def put(self, row):
        switch = row["switch"]
        if isinstance(switch, str):
            return (lambda: self.tell("PUT", f"/sabotage/{switch}")), (lambda: self.tell("DELETE", "/sabotage"))
        fault = {"kind": "slow", "operation": switch["slow"], "delay_ms": 8000} if "slow" in switch else switch
        return (lambda: self.tell("PUT", "/faults/handler", fault)), (lambda: self.tell("POST", "/reset"))


class Live:
    """Tenants that are deployed at a fake of the API, where something can be changed by hand."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["PLUMBLINE_STANDING"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.env = json.loads(self.process.stdout.readline())

    def tell(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def put(self, row):
        return (lambda: self.tell(row["live"])), (lambda: self.tell("back"))


def main():
    words = sys.argv[1:]
    if not words:
        print(__doc__, file=sys.stderr)
        return 2
    cache, flags, texts = words[0], {it for it in words[1:] if it.startswith("--")}, [it for it in words[1:] if not it.startswith("--")]
    rows = yaml.safe_load((HERE / "table.yaml").read_text())["rows"]
    faults = held(rows, ROOT / ".github/workflows")
    if not sees_what_is_missing(rows):
        faults.append("expected a job and a command that the table lacks to be told")
    for fault in faults:
        print(fault, file=sys.stderr)
    if "--check" in flags or faults:
        print(f"{len(rows)} rows for {len(set(steps(ROOT / '.github/workflows')))} commands, {len(faults)} faults")
        return 100 if faults else 0
    chosen = [row for row in rows if not texts or any(text in f"{row['job']} {row['step']}" for text in texts)]
    passed = failed = left = 0
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone(folder)
        server = live = None
        env = dict(os.environ, CACHE=cache, OUT=f"{folder}/out", PLUMBLINE_DEMO_KEYS="1", BIN=os.environ["PLUMBLINE_BIN"], PLUMBLINE_ROOT=str(ROOT))
        try:
            for row in chosen:
                name = f"{row['job']}: {row['step']}"
                if "proven" in row:
                    left += 1
                    print(f"there   {name}: {row['proven']['file']}")
                    continue
                if row.get("asked") and "--all" not in flags:
                    left += 1
                    print(f"asked   {name}: only with --all")
                    continue
                if "switch" in row:
                    server = server or Server(folder)
                    env["PLUMBLINE_STAGING_URL"] = server.url
                    put, take = server.put(row)
                elif "live" in row:
                    live = live or Live()
                    env.update(live.env)
                    put, take = live.put(row)
                else:
                    put, take = clone.put(row)
                command, codes, told = row.get("command", row["step"]), [], ""
                began = time.monotonic()
                for expected, before in ((row["code"], put), (0, take)):
                    before()
                    if expected == 0 and row.get("clean") is False:
                        break
                    ran = subprocess.run(["bash", "-c", command], cwd=clone.root, env=env, capture_output=True, text=True)
                    codes.append(ran.returncode)
                    if ran.returncode not in (expected if isinstance(expected, list) else [expected]):
                        told += f"expected {expected}, found {ran.returncode}\n{ran.stdout[-2500:]}\n{ran.stderr[-2500:]}"
                passed, failed = (passed, failed + 1) if told else (passed + 1, failed)
                print(f"{'FAIL' if told else 'ok':7} {name}: with the fault {codes[0]}"
                      f"{f', without {codes[1]}' if len(codes) > 1 else ''} ({time.monotonic() - began:.0f} s)", flush=True)
                print("".join(f"        {line}\n" for line in told.splitlines()), end="")
        finally:
            for other in (server, live):
                if other:
                    # What takes its orders from us ends with them; it may hear a signal as the program whose work it does.
                    if other.process.stdin:
                        other.process.stdin.close()
                    else:
                        other.process.terminate()
                    other.process.wait()
    print(f"{passed} faults seen, {failed} not, {left} elsewhere or not asked for")
    return 100 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
