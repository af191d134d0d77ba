// Runs the protocol's own conformance suite against a server, at each revision that the server speaks, and holds every check
// against the list of those that are known to fail, each with its reason. A failure that is not listed fails the run, and so
// does a listed one that passes, and a scenario that a revision requires and the list does not have.
//
// node mcp_suite.mjs --url URL --key KEY --server NAME_IN_THE_LIST --suite FOLDER --known FILE --out FOLDER

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';

const names = ['url', 'key', 'server', 'suite', 'known', 'out'];
const { values: given } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
for (const name of names) if (!given[name]) throw new Error(`--${name} is missing`);

// The longest that one scenario may take; all of them take a few seconds.
const LONGEST_MS = 60_000;

// The suite has no way to send a credential, so it calls a passage that adds one and changes nothing else, least of all the
// headers Host and Origin, which some checks are about.
const upstream = new URL(given.url);
const passage = http.createServer((request, response) => {
    const headers = [...request.rawHeaders, 'Authorization', `Bearer ${given.key}`];
    const onward = http.request(
        { host: upstream.hostname, port: upstream.port, path: request.url, method: request.method, headers, setHost: false },
        (answer) => {
            response.writeHead(answer.statusCode, answer.rawHeaders);
            answer.pipe(response);
        },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
});
await new Promise((resolve) => passage.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${passage.address().port}/mcp`;

const known = JSON.parse(readFileSync(given.known, 'utf8'));
const home = path.join(given.suite, 'node_modules/@modelcontextprotocol/conformance');
let failed = 0;
for (const [revision, list] of Object.entries(known.servers[given.server])) {
    for (const scenario of required(revision)) {
        const runs = Object.values(known.servers).some((server) => server[revision]?.run.includes(scenario));
        if (runs !== scenario in known.not_offered[revision]) continue;
        console.log(`  ${revision} ${scenario}: ${runs ? 'runs and is listed as not offered' : 'is not listed'}`);
        failed += 1;
    }
    const out = path.join(given.out, given.server, revision);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    const started = Date.now();
    const outcomes = await Promise.all(list.run.map((scenario) => scenarioAt(revision, scenario, out)));
    const checks = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
    const took = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`${given.server}, ${revision}: ${list.run.length} scenarios, ${checks} checks passed, ${took} s`);
    for (const outcome of outcomes) failed += report(revision, list, outcome);
}
passage.close();
passage.closeAllConnections();
console.log(failed === 0 ? 'as listed' : `${failed} not as listed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs one scenario; its checks, or none where it did not run. */
async function scenarioAt(revision, scenario, out) {
    const main = path.join(home, 'dist/index.js');
    const folder = path.join(out, scenario);
    const wanted = ['server', '--url', url, '--scenario', scenario, '--spec-version', revision, '--force', '-o', folder];
    const child = spawn(process.execPath, [main, ...wanted], { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (told += text));
    const overdue = setTimeout(() => child.kill(), LONGEST_MS);
    await new Promise((resolve) => child.on('close', resolve));
    clearTimeout(overdue);
    const files = listing(folder).filter((file) => file.endsWith('checks.json'));
    const checks = files.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')));
    const bad = new Map();
    for (const check of checks) {
        if (check.status === 'FAILURE' || check.status === 'WARNING') bad.set(check.id, check.errorMessage ?? check.description);
    }
    return { scenario, bad, passed: checks.filter((check) => check.status === 'SUCCESS').length, told };
}

function listing(folder) {
    try {
        return readdirSync(folder, { recursive: true }).map((file) => path.join(folder, file));
    } catch {
        return [];
    }
}

/** Tells what of a scenario is not as listed, and how much that is. */
function report(revision, list, { scenario, bad, passed, told }) {
    const excused = list.failing[scenario] ?? {};
    const complaints = [];
    if (passed === 0) complaints.push(`passed no check: ${told.slice(-400)}`);
    for (const [id, message] of bad) if (!(id in excused)) complaints.push(`${id}: ${message}`);
    for (const id of Object.keys(excused)) if (!bad.has(id)) complaints.push(`${id} is listed as failing and does not fail`);
    for (const complaint of complaints) console.log(`  ${revision} ${scenario}: ${complaint}`);
    return complaints.length;
}

/** The scenarios that the suite says a server of this revision must pass: a list under `server:` in its file. */
function required(revision) {
    const text = readFileSync(path.join(home, 'requirements', `${revision}.yaml`), 'utf8');
    const part = text.split(/^server:\n/m)[1].split(/^\w+:/m)[0];
    const names = [...part.matchAll(/^ +- (\S+)$/gm)].map((found) => found[1]);
    if (names.length === 0) throw new Error(`the suite's requirements of ${revision} list no scenario`);
    return names;
}
