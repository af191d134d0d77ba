use super::*;

#[test]
fn gives_up_at_the_models_time_or_the_requests_whichever_is_first() {
    for kind in KINDS {
        for (left, expected) in [(None, 10_000), (Some(60_000), 10_000), (Some(300), 350), (Some(0), 50)] {
            let stand = Stand::new(|_| {});
            let tenant = left.map_or_else(|| stand.tenants.owner(), |left| stand.in_request(left));
            let (result, took) = stand.call(kind, &Scripted::new(Failure::Hangs, 1), &tenant);
            let timed_out = matches!(result, Err(ModelError::TimedOut { after_ms, .. }) if after_ms == expected);
            assert!(timed_out && took == expected, "{kind:?} {left:?}: {result:?} after {took}");
        }
    }
}

#[test]
fn begins_no_pause_that_ends_after_the_request() {
    for kind in KINDS {
        let stand = Stand::new(|settings| settings.pause_ms = 0);
        let model = Scripted::new(Failure::Refused(Some(700)), 1);
        let (result, took) = stand.call(kind, &model, &stand.in_request(500));
        assert_eq!((result.is_err(), took, model.calls()), (true, 0, 1), "{kind:?}");
    }
}

#[test]
fn takes_a_callers_hurry_for_no_failure_of_the_model() {
    let stand = Stand::new(|_| {});
    let model = Scripted::new(Failure::Hangs, usize::MAX);
    for _ in 0..20 {
        assert!(stand.call(Kind::Generate, &model, &stand.in_request(200)).0.is_err());
    }
    assert_eq!(stand.policies.figures(PolicyPort::Generation, None).breaker, BreakerState::Closed);
}

#[test]
fn lets_no_tenant_take_all_places() {
    for kind in KINDS {
        let stand = Stand::new(|settings| {
            *settings = PolicySettings { waiting_of_tenant: 1, ..settings.with_places(4) };
        });
        let (owner, stranger) = (stand.tenants.owner(), stand.tenants.stranger());
        let hangs = Scripted::new(Failure::Hangs, 3);
        let mut calls: Vec<_> = (0..4).map(|_| stand.begin(kind, &hangs, &owner)).collect();
        for call in &mut calls {
            assert!(call.as_mut().now_or_never().is_none());
        }
        assert_eq!(hangs.calls(), 3, "the fourth waits");
        let (turned_away, took) = stand.call(kind, &hangs, &owner);
        assert!(matches!(turned_away, Err(ModelError::Refused { .. })) && took == 0, "{kind:?}");
        let (served, took) = stand.call(kind, &hangs, &stranger);
        assert!(served.is_ok() && took == 0, "{kind:?}: {served:?}");
        drop(calls);
        assert!(stand.call(kind, &hangs, &owner).0.is_ok(), "{kind:?}: given up calls leave their places");
    }
}

#[test]
fn resets_to_a_clean_start() {
    let stand = Stand::new(|_| {});
    let model = Scripted::new(Failure::Refused(None), 8);
    (0..4).for_each(|_| assert!(stand.call(Kind::Embed, &model, &stand.tenants.owner()).0.is_err()));
    stand.policies.reset();
    let figures = stand.policies.figures(PolicyPort::Embedding, None);
    assert_eq!(figures, PolicyFigures { retries: 0, breaker: BreakerState::Closed });
    assert!(stand.call(Kind::Embed, &model, &stand.tenants.owner()).0.is_ok());
}
