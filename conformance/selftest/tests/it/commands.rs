//! `init`, `doctor` and `clean` against a deployment that already runs.

use harness::{
    client::{Bounds, Client, Request},
    credential::Secret,
    mark,
};
use serde_json::{Value, json};

use crate::{
    staging::Server,
    suite::{Said, command},
};

/// The published key of a fixture tenant.
fn key(tenant: &str, name: &str) -> String {
    let fixtures = fixtures::Fixtures::load(&fixtures::Fixtures::embedded_root()).unwrap();
    fixtures.key(tenant, name).unwrap().key.clone()
}

/// Asks the deployment with the key of `tenant`.
fn ask(url: &str, tenant: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let client = Client::new(url, Bounds::default()).unwrap();
    let mut request = Request::new(method, path).bearer(&Secret::new(key(tenant, "all")));
    if let Some(body) = body {
        request = request.json(body);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exchange = runtime.block_on(client.send(&request)).unwrap();
    (exchange.response.status, exchange.response.json().unwrap_or_default())
}

fn init(url: &str, folder: &str, more: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut arguments = vec!["init", "--url", url, "--name", "mine", "--out", folder];
    arguments.extend(more);
    command(&arguments, variables)
}

const BOTH: [&str; 8] =
    ["--tenant", "aurora-bikes", "--key-env", "MINE_A", "--tenant", "meridian-lab", "--key-env", "MINE_B"];

#[test]
fn writes_a_profile_that_the_doctor_finds_well() {
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_string_lossy().into_owned();
    let (one, two) = (key("aurora-bikes", "all"), key("meridian-lab", "all"));
    let variables = [("MINE_URL", url.as_str()), ("MINE_A", one.as_str()), ("MINE_B", two.as_str())];
    let said = init("${MINE_URL}", &place, &BOTH, &variables);
    assert_eq!(said.code, 0, "{}", said.err);
    let text = std::fs::read_to_string(folder.path().join("mine.yaml")).unwrap();
    assert!(text.contains("base_url: \"${MINE_URL}\"") && text.contains("spell_correction"), "{text}");
    assert!(!text.contains(&one) && !text.contains(&url), "a secret or an address came into the profile:\n{text}");
    let again = init(&url, &place, &BOTH, &variables);
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(again.err.contains("--force"), "{}", again.err);
    assert_eq!(init(&url, &place, &[&BOTH[..], &["--force"]].concat(), &variables).code, 0);

    let doctor = |variables: &[(&str, &str)]| command(&["doctor", "--target", "mine", "--targets", &place], variables);
    let well = doctor(&variables);
    assert_eq!(well.code, 0, "{}{}", well.out, well.err);
    for expected in [
        "ok      its clock and ours",
        "serves contract",
        "`all` of `meridian-lab` is accepted",
        "warning `aurora-bikes` has no credential called `none`",
    ] {
        assert!(well.out.contains(expected), "{expected} is not in\n{}", well.out);
    }
    let swapped = doctor(&[variables[0], ("MINE_A", &two), variables[2]]);
    assert_eq!(swapped.code, 100, "{}", swapped.out);
    assert!(swapped.out.contains("is a credential of `meridian-lab`"), "{}", swapped.out);
    assert_eq!(doctor(&[variables[0], variables[1], ("MINE_B", "")]).code, 2);
    drop(server);
    let gone = doctor(&variables);
    assert_eq!(gone.code, 3, "{}", gone.out);
}

#[test]
fn says_why_there_is_no_profile() {
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_string_lossy().into_owned();
    let right = key("aurora-bikes", "all");
    let one = ["--tenant", "aurora-bikes", "--key-env", "MINE_A"];
    let other = ["--tenant", "lumen-desk", "--key-env", "MINE_A"];
    let nobody = "http://127.0.0.1:1";
    for (url, more, value, code, expected) in [
        (url.as_str(), &one, "wrong", 100, "is refused: 401"),
        (url.as_str(), &one, "", 2, "MINE_A is not set"),
        (url.as_str(), &other, right.as_str(), 2, "is of tenant `aurora-bikes`, not of `lumen-desk`"),
        (nobody, &one, right.as_str(), 3, "no connection"),
        ("http://me:word@127.0.0.1:1", &one, right.as_str(), 2, "user name or password"),
    ] {
        let said = init(url, &place, more, &[("MINE_A", value)]);
        assert_eq!(said.code, code, "{expected}: {}", said.err);
        assert!(said.err.contains(expected), "{expected} is not in {}", said.err);
    }
    let page = crate::script::serve(crate::script::Manner::Page, crate::script::Since::TheStart);
    let said = init(&format!("http://{page}"), &place, &one, &[("MINE_A", &right)]);
    assert_eq!(said.code, 100, "{}", said.err);
    assert!(said.err.contains("without JSON"), "{}", said.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn takes_away_what_broken_runs_left_and_nothing_else() {
    let server = Server::start();
    let url = format!("http://{}", server.address);
    let variables = [("PLUMBLINE_STAGING_URL", url.as_str()), ("PLUMBLINE_DEMO_KEYS", "1")];
    let run = "0199c2a4-7d10-7c3e-9b1f-00a1b2c3d4e5";
    let (mark, other) = (mark::of_run(run), "r00c0ffee");
    let example = contract_types::examples("IngestRequest")[0]["documents"][0].clone();
    let left = [
        format!("conformance-{mark}-aurora-bikes-3"),
        format!("a-job-is-listed-{mark}-good"),
        format!("conformance-{other}-aurora-bikes-0"),
    ];
    let kept = [format!("invoice-{mark}"), "refund-policy-of-mine".to_owned()];
    let document = |id: &String| json!({"id": id, "content": "A note.", "content_type": "text/plain"});
    let mut documents: Vec<Value> = left.iter().chain(&kept).map(document).collect();
    documents.push(example.clone());
    let ingest = json!({ "documents": documents });
    assert_eq!(ask(&url, "aurora-bikes", "POST", "/ingest", Some(&ingest)).0, 200);
    let here = |id: &str| ask(&url, "aurora-bikes", "GET", &format!("/documents/{id}"), None).0 == 200;

    let dry = command(&["clean", "--target", "staging", "--dry-run"], &variables);
    assert_eq!(dry.code, 0, "{}", dry.err);
    assert_eq!(dry.out.lines().filter(|line| line.starts_with("would remove document")).count(), 4, "{}", dry.out);
    assert!(left.iter().all(|id| here(id)));

    let one = command(&["clean", "--target", "staging", "--run", other], &variables);
    assert_eq!(one.out, format!("removed document {} of aurora-bikes\n", left[2]), "{}", one.err);
    let all = command(&["clean", "--target", "staging"], &variables);
    assert_eq!(all.code, 0, "{}", all.err);
    assert_eq!(all.out.lines().count(), 3, "{}", all.out);
    assert!(left.iter().all(|id| !here(id)), "{}", all.out);
    assert!(!here(example["id"].as_str().unwrap()), "{}", all.out);
    assert!(kept.iter().all(|id| here(id)), "{}", all.out);
    assert_eq!(command(&["clean", "--target", "local"], &variables).code, 2);
    assert_eq!(command(&["clean", "--target", "staging", "--run", "rubbish"], &variables).code, 2);
}
