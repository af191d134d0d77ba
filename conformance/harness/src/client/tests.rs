use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header, method},
};

use super::*;

#[tokio::test]
async fn sends_path_method_and_headers_as_written() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(header("x-odd", "a b (c)"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let client = Client::new(&server.uri(), Bounds::default()).unwrap();
    let request = Request::new("GET", "/documents/..%2F..%2Fetc?limit=1").header("X-Odd", "a b (c)");
    let exchange = client.send(&request).await.unwrap();
    assert_eq!(exchange.response.status, 204);
    let seen = server.received_requests().await.unwrap();
    assert_eq!(seen[0].url.path(), "/documents/..%2F..%2Fetc");
    assert!(!seen[0].headers.contains_key("user-agent"));
}

#[tokio::test]
async fn carries_standing_headers_with_every_request() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let standing = [("X-Version", "w=\"v1\"")];
    let client = Client::new(&server.uri(), Bounds::default()).unwrap().carrying(standing.into_iter()).unwrap();
    for target in ["/health", "/documents"] {
        client.send(&Request::new("GET", target).header("x-own", "1")).await.unwrap();
    }
    for seen in server.received_requests().await.unwrap() {
        assert_eq!(
            (&seen.headers["x-version"], &seen.headers["x-own"]),
            (&"w=\"v1\"".parse().unwrap(), &"1".parse().unwrap())
        );
    }
    let client = Client::new(&server.uri(), Bounds::default()).unwrap();
    assert!(matches!(client.carrying([("a b", "1")].into_iter()), Err(ClientError::Request(_))));
}

#[tokio::test]
async fn stops_reading_at_the_bound() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_bytes(vec![b'a'; 5000])).mount(&server).await;
    let client = Client::new(&server.uri(), Bounds { body: 1000, ..Bounds::default() }).unwrap();
    let response = client.send(&Request::new("GET", "/")).await.unwrap().response;
    assert!(response.truncated);
    assert_eq!(response.body.len(), 1000);
}

#[tokio::test]
async fn gives_up_in_time() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(5));
    Mock::given(any()).respond_with(slow).mount(&server).await;
    let client = Client::new(&server.uri(), Bounds { time: Duration::from_millis(50), body: 10 }).unwrap();
    assert!(matches!(client.send(&Request::new("GET", "/")).await, Err(ClientError::TimedOut(_))));
}

#[tokio::test]
async fn says_when_nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::new(&format!("http://127.0.0.1:{port}/"), Bounds::default()).unwrap();
    assert!(matches!(client.send(&Request::new("GET", "/health")).await, Err(ClientError::Unreachable { .. })));
    assert!(matches!(Client::new("ftp://a", Bounds::default()), Err(ClientError::Address { .. })));
}

#[test]
fn encodes_for_paths_and_queries() {
    assert_eq!(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
}

#[test]
fn takes_the_time_of_a_run_from_the_environment() {
    let bounds = |text: &str| Bounds::of_run(|name| (name == REQUEST_TIMEOUT).then(|| text.to_owned()));
    assert_eq!(bounds("1500").unwrap().time, Duration::from_millis(1500));
    assert_eq!(bounds("").unwrap().time, Bounds::default().time);
    for wrong in ["99", "600001", "1s", "-1"] {
        assert!(bounds(wrong).unwrap_err().to_string().contains("expected milliseconds"), "{wrong}");
    }
}
