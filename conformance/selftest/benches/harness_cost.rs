//! What the harness adds to a case beside the loopback round trip that the case is about: build the request, judge the answer,
//! look for canaries, make the record. To be read as a ratio within one run.

use std::{
    hint::black_box,
    io::{Read, Write},
    net::TcpListener,
};

use contracts::Contract;
use criterion::{Criterion, criterion_group, criterion_main};
use fixtures::Fixtures;
use harness::{
    canary::Scanner,
    client::{Bounds, Client, Exchange, Request},
    judge::Judge,
    record,
    redact::Redactor,
};
use serde_json::{Value, json};

/// A server that answers every request with the contract's example of an answer to a retrieval.
fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback is free");
    let address = listener.local_addr().expect("a bound listener has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut read = [0_u8; 4096];
            let _ = stream.read(&mut read);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: 0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f12\r\n\
                 x-tenant-id: aurora-bikes\r\ncache-control: no-store\r\nx-ratelimit-limit: 10\r\nx-ratelimit-remaining: 9\r\nx-ratelimit-reset: 1800000000\r\n\
                 connection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    format!("http://{address}")
}

fn request() -> Request {
    Request::new("POST", "/retrieve")
        .json(&json!({ "query": "how long is the battery warranty", "top_k": 10, "explain": true }))
}

fn costs(criterion: &mut Criterion) {
    let document: Value = serde_json::from_str(contract_types::OPENAPI).expect("the generator writes JSON");
    let contract = Contract::from_document(document).expect("the generator writes a contract");
    let judge = Judge::new(&contract);
    let fixtures = Fixtures::load(&Fixtures::embedded_root()).expect("the fixtures are sound");
    let (mut scanner, mut redactor) = (Scanner::new(), Redactor::new());
    for tenant in fixtures.tenants() {
        scanner.add(&tenant.id, &tenant.canaries);
        tenant.canaries.values().for_each(|canary| redactor.add(canary, "[canary]"));
    }
    let base = serve(contract_types::examples("RetrieveResponse")[0].to_string());
    let client = Client::new(&base, Bounds::default()).expect("a loopback address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let exchange: Exchange = runtime.block_on(client.send(&request())).expect("the server answers");
    let mut group = criterion.benchmark_group("a case");
    group.bench_function("loopback round trip", |bencher| {
        let request = request();
        bencher.iter(|| runtime.block_on(client.send(black_box(&request))).expect("the server answers"));
    });
    group.bench_function("build, judge and record", |bencher| {
        bencher.iter(|| {
            let built = request();
            let violations = judge.violations(black_box(&exchange));
            let leaks = scanner.leaks(Some("lumen-desk"), black_box(&exchange));
            let recorded = record::exchange(black_box(&exchange), &redactor);
            (built, violations, leaks, recorded)
        });
    });
    group.finish();
}

criterion_group!(benches, costs);
criterion_main!(benches);
