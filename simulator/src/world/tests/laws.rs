//! What holds for every history of the world.

use proptest::prelude::*;

use super::{ALL_KINDS, Lab};
use crate::world::alerts::Severity;
use crate::world::faults::FaultKind;
use crate::world::identity::{Lock, NewUser};
use crate::world::ids::FaultId;

/// Something that can happen to the world.
#[derive(Clone, Debug)]
enum Event {
    Wait(i64),
    Inject(FaultKind, &'static str),
    Storm(u32),
    Clear,
    Restart(&'static str),
    Scale(&'static str, u64),
    Version(&'static str),
    Shutdown(&'static str),
    ResolveFirst,
    Report(&'static str),
    BackUp,
    Restore,
    Wipe,
    User(&'static str),
    Rotate(&'static str),
    Reset,
}

fn service() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["auth", "db", "payments"])
}

fn event() -> impl Strategy<Value = Event> {
    let kinds = prop::sample::select(
        ALL_KINDS
            .into_iter()
            .filter(|kind| *kind != FaultKind::Storm)
            .collect::<Vec<_>>(),
    );
    prop_oneof![
        4 => (1_i64..24).prop_map(|steps| Event::Wait(steps * 250)),
        4 => (kinds, service()).prop_map(|(kind, target)| Event::Inject(kind, target)),
        1 => (1_u32..40).prop_map(Event::Storm),
        1 => Just(Event::Clear),
        1 => service().prop_map(Event::Restart),
        1 => (service(), 0_u64..9).prop_map(|(target, replicas)| Event::Scale(target, replicas)),
        1 => service().prop_map(Event::Version),
        1 => service().prop_map(Event::Shutdown),
        1 => Just(Event::ResolveFirst),
        1 => service().prop_map(Event::Report),
        1 => prop::sample::select(vec![Event::BackUp, Event::Restore, Event::Wipe, Event::Reset]),
        1 => prop::sample::select(vec!["maria", "sam"]).prop_map(Event::User),
        1 => service().prop_map(Event::Rotate),
    ]
}

/// Carries the event out; what the state refuses changes nothing.
fn play(lab: &mut Lab, event: &Event) {
    let now = lab.now;
    let before = lab.digest();
    let world = &mut lab.world;
    let first_open = world
        .alerts()
        .iter()
        .find(|alert| alert.resolved_at.is_none())
        .map(|a| a.id.to_string());
    let first_fault = world.faults().first().map(|fault| fault.id.clone());
    let done = match event {
        Event::Wait(milliseconds) => {
            lab.run(*milliseconds);
            Ok(())
        }
        Event::Inject(kind, target) => world.inject(now, *kind, target).map(drop),
        Event::Storm(number) => world
            .inject(now, FaultKind::Storm, &number.to_string())
            .map(drop),
        Event::Clear => world
            .clear_fault(now, &first_fault.unwrap_or_else(|| FaultId::new("none")))
            .map(drop),
        Event::Restart(target) => world.restart(now, target).map(drop),
        Event::Scale(target, replicas) => world.scale(now, target, *replicas).map(drop),
        Event::Version(target) => world.set_version(now, target, None).map(drop),
        Event::Shutdown(target) => world.shutdown(now, target).map(drop),
        Event::ResolveFirst => world
            .resolve_alert(now, &first_open.unwrap_or_default(), "looked at".into())
            .map(drop),
        Event::Report(target) => world
            .create_alert(now, "operator", target, Severity::Warning, "odd".into())
            .map(drop),
        Event::BackUp => world.back_up(now, "prod_db").map(drop),
        Event::Restore => world.restore(now, "prod_db", "bkp-nightly").map(drop),
        Event::Wipe => world.wipe(now, "prod_db").map(drop),
        Event::User(id) => {
            let new = NewUser {
                id: (*id).into(),
                name: "Sam".into(),
                email: "sam@example.com".into(),
                role: "engineer".into(),
            };
            world
                .create_user(now, new)
                .or_else(|_| world.set_lock(now, id, Lock::Locked))
                .map(drop)
        }
        Event::Rotate(target) => world.rotate_key(now, target).map(drop),
        Event::Reset => {
            world.reset(now);
            Ok(())
        }
    };
    if done.is_err() {
        assert_eq!(lab.digest(), before, "a refused {event:?} changes nothing");
    }
}

/// Words that would tell an agent what was broken or what to do about it.
fn telltale(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase().replace("\"degraded\"", "");
    let words = [
        "crash",
        "bad-deploy",
        "bad_deploy",
        "baddeploy",
        "memory-leak",
        "memory_leak",
        "leak",
        "traffic-spike",
        "traffic_spike",
        "spike",
        "surge",
        "degrade",
        "storm",
        "rollback",
        "roll back",
        "rolled back",
        "fault",
        "inject",
        "defect",
        "sound",
    ];
    words.into_iter().find(|word| text.contains(word))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_readable_names_a_fault_or_its_remedy(events in prop::collection::vec(event(), 1..30)) {
        let mut lab = Lab::new();
        for event in &events {
            play(&mut lab, event);
            let readable = lab.readable().to_string();
            prop_assert_eq!(telltale(&readable), None, "{}", readable);
        }
    }

    #[test]
    fn the_same_history_gives_the_same_world(events in prop::collection::vec(event(), 1..20)) {
        let (mut one, mut other) = (Lab::new(), Lab::new());
        for event in &events {
            play(&mut one, event);
            play(&mut other, event);
        }
        prop_assert_eq!(one.readable(), other.readable());
        prop_assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn a_reset_heals_every_history(events in prop::collection::vec(event(), 1..20)) {
        let fresh = Lab::new().digest();
        let mut lab = Lab::new();
        for event in &events {
            play(&mut lab, event);
        }
        lab.world.reset(lab.now);
        prop_assert!(lab.is_well());
        prop_assert_eq!(lab.digest(), fresh);
        lab.run(3_000);
        prop_assert!(lab.is_well());
    }

    #[test]
    fn every_measure_stays_in_its_range(events in prop::collection::vec(event(), 1..20)) {
        let mut lab = Lab::new();
        for event in &events {
            play(&mut lab, event);
            for (service, metrics) in lab.world.services() {
                prop_assert!((0.0..=100.0).contains(&metrics.cpu_percent));
                prop_assert!((0.0..=100.0).contains(&metrics.memory_percent));
                prop_assert!((0.0..=1.0).contains(&metrics.error_rate));
                prop_assert!(metrics.latency_ms >= 0.0 && metrics.requests_per_second >= 0.0);
                prop_assert!(metrics.ready_replicas <= service.replicas());
            }
        }
    }
}
