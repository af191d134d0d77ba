//! Files and words as people really write them: what is harmless passes, what is not is told.

use crate::fake::Fake;
use crate::world::World;

const T: &str = "tenants/blue/tenant.yaml";

fn text(world: &World) -> String {
    std::fs::read_to_string(world.path(T)).unwrap()
}

#[test]
fn takes_a_mark_of_byte_order_carriage_returns_and_anchors() {
    let world = World::new(&["blue", "red"]);
    let plain = text(&world);
    for (name, changed) in [
        ("a mark of byte order", format!("\u{feff}{plain}")),
        ("carriage returns", plain.replace('\n', "\r\n")),
        ("a document's marks", format!("---\n{plain}...\n")),
        (
            "anchors",
            plain
                .replacen("    vars: {LOG_LEVEL: info}", "    vars: &vars {LOG_LEVEL: info}", 1)
                .replace("    vars: {LOG_LEVEL: info}", "    vars: *vars"),
        ),
    ] {
        world.write(T, &changed);
        if let Err(problems) = world.load() {
            panic!("{name}: {problems:#?}");
        }
    }
}

#[test]
fn tells_files_that_are_no_configuration() {
    let world = World::new(&["blue"]);
    let plain = text(&world);
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("empty", Vec::new(), "object"),
        ("a comment alone", b"# nothing\n".to_vec(), "object"),
        ("a list", b"- tenant: blue\n".to_vec(), "object"),
        ("cut in half", plain.as_bytes()[..plain.len() / 2].to_vec(), ""),
        ("two documents", format!("{plain}---\n{plain}").into_bytes(), "YAML"),
        ("Latin letters", plain.replace("Tenant blue", "M\u{fc}ller").chars().map(|it| it as u8).collect(), "UTF-8"),
        ("zeros", vec![0; 64], "YAML"),
        (
            "a merge key",
            plain.replace("    vars: {LOG_LEVEL: info}", "    vars: {<<: {LOG_LEVEL: info}}").into_bytes(),
            "",
        ),
        ("an alias of nothing", plain.replace("vars: {LOG_LEVEL: info}", "vars: *none").into_bytes(), "YAML"),
    ];
    for (name, bytes, part) in cases {
        std::fs::write(world.path(T), bytes).unwrap();
        let problems = world.load().err().unwrap_or_else(|| panic!("{name}: nothing was found"));
        let fits =
            problems.iter().any(|it| it.file.ends_with(T) && it.to_string().contains(part) && !it.remedy.is_empty());
        assert!(fits, "{name}: expected `{part}`, found {problems:#?}");
        assert!(name != "cut in half" || problems.iter().all(|it| it.line > 0), "{problems:#?}");
    }
    // A text that grows beyond all measure when its anchors are followed.
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (before, name) in ('a'..='z').zip('b'..='z') {
        let many = vec![format!("*{before}"); 9].join(", ");
        bomb.extend([name.to_string(), format!(": &{name} [{many}]\n")]);
    }
    world.write(T, &bomb);
    let began = std::time::Instant::now();
    assert!(world.load().is_err());
    assert!(began.elapsed() < std::time::Duration::from_mins(1), "{:?}", began.elapsed());
}

#[test]
fn takes_whole_numbers_however_they_are_written() {
    for (number, written) in [("dimensions: 384", "dimensions: 384.0"), ("dimensions: 384", "dimensions: 3.84e2")] {
        let world = World::new(&["blue"]);
        let plain = world.load().unwrap().deployments;
        world.replace(T, number, written);
        let found = world.load().unwrap_or_else(|problems| panic!("{written}: {problems:#?}")).deployments;
        assert_eq!(found[0].settings.bindings, plain[0].settings.bindings, "{written}");
        assert_eq!(found[0].config_text, plain[0].config_text, "{written}");
    }
}

#[test]
fn takes_no_path_for_a_tenant() {
    for name in ["../../etc", "blue/../red", "/etc/passwd", "..", "blue\\red"] {
        let world = World::new(&["blue", "red"]);
        world.replace(T, "tenant: blue", &format!("tenant: {}", serde_json::Value::from(name)));
        let problems = world.load().unwrap_err();
        let line = text(&world).lines().position(|line| line.starts_with("tenant:")).unwrap() + 1;
        assert!(problems.iter().any(|it| it.place == "/tenant" && it.line == line), "{name}: {problems:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_no_path_and_no_stranger_on_the_command_line() {
    let (world, fake) = (World::new(&["blue"]), Fake::start().await);
    world.smoke_at(&fake);
    for words in [
        "plan --tenant ../blue --env stage",
        "plan --tenant /etc/passwd --env stage",
        "apply --all --env stage --first green",
        "apply --all --env stage --parallel 0",
        "apply --all --env stage --parallel 1000",
        "drift --all --env stage --repair --only everything",
        "promote --tenant blue --from prod --to stage",
        "promote --tenant blue --from stage --to stage",
        "promote --tenant blue --from dev --to prod",
    ] {
        world.run(&fake, words).await.ends_with(2);
    }
    assert!(fake.calls().is_empty(), "{:?}", fake.calls());
    for words in [
        "remove --tenant blue --env stage --worker ../other",
        "remove --tenant blue --env stage --resource red-stage-cache",
        "remove --tenant blue --env stage --metadata-index other/source",
        "rollback --tenant blue --env stage --to ../../zones",
    ] {
        world.run(&fake, words).await.ends_with(11);
    }
    assert!(fake.calls().iter().all(|call| call.starts_with("GET")), "{:?}", fake.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_about_tokens_where_it_is_told_to() {
    let (world, fake) = (World::new(&["blue", "red"]), Fake::start().await);
    world.smoke_at(&fake);
    world.run(&fake, "validate").await.ends_with(0);
    assert!(fake.calls().is_empty(), "without --tokens nobody is asked");
    world.run(&fake, "validate --tokens").await.ends_with(0);

    fake.state().account = Some("0123456789abcdef0123456789abcdef".to_owned());
    let ran = world.run(&fake, "validate --tokens").await.ends_with(2).tells("does not reach the account `acme-prod`");
    let line = crate::world::DEPLOY.lines().position(|line| line.contains("name: upper")).unwrap() + 1;
    let ran = ran.tells(&format!("deploy.yaml:{line}: /profiles/1/token")).tells("1 problems");
    assert!(!ran.told.contains("profile `lower`"), "{}", ran.told);
    world.run(&fake, "plan --tenant blue --env stage").await.ends_with(0);
    world
        .run(&fake, "plan --tenant blue --env prod")
        .await
        .ends_with(11)
        .tells("does not reach the account `acme-prod`");

    fake.state().account = None;
    fake.state().groups = Some(vec!["Workers Scripts Write".to_owned()]);
    world
        .run(&fake, "validate --tokens --json")
        .await
        .ends_with(2)
        .tells("`Workers Routes Write`")
        .tells("/profiles/0/token");
    fake.state().inactive = true;
    world.run(&fake, "validate --tokens").await.ends_with(2).tells("is expired");
    assert!(fake.calls().iter().all(|call| call.starts_with("GET")), "{:?}", fake.calls());
}
