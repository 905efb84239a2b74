use std::collections::BTreeMap;

use countersign_intent::id::PlanId;
use countersign_service::problem::Reason;
use proptest::prelude::*;
use serde_json::{Map, json};

use super::event::{Answer, JudgedStep, Judgement, Next, Outcome, ProposedStep, StepEvent};
use super::view::{CheckView, Sense, Source, Verdict};
use super::*;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 + second).unwrap()
}

pub(crate) fn run(number: u64) -> Run {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&number.to_be_bytes());
    let second = i64::try_from(number).unwrap();
    Run::new(
        at(second),
        Order {
            run_id: RunId::mint(at(second), random),
            goal: "restore payments".to_owned(),
            trigger: None,
            requested_by: Some("operator".parse().unwrap()),
            agent: "remediator".parse().unwrap(),
        },
    )
}

fn plan_id(number: u8) -> PlanId {
    PlanId::mint(at(0), [number; 10])
}

fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

fn proposal(tools: &[&str]) -> Proposal {
    let steps = tools.iter().enumerate().map(|(number, tool)| ProposedStep {
        id: id(&format!("p{number}")),
        tool: tool.parse().unwrap(),
        params: Map::from_iter([("service_id".to_owned(), json!("payments"))]),
        reason: "because".to_owned(),
        after: if number == 0 {
            Vec::new()
        } else {
            vec![id("p0")]
        },
    });
    Proposal {
        source: Source::Runbook,
        names: vec!["book".to_owned()],
        summary: "heals".to_owned(),
        steps: steps.collect(),
        heals: BTreeSet::from(["payments".to_owned()]),
    }
}

fn judgement(run: &Run, plan: u8, verdicts: &[Verdict]) -> Judgement {
    let steps = &run.proposal().unwrap().steps;
    let worst = [Verdict::Deny, Verdict::NeedsApproval]
        .into_iter()
        .find(|v| verdicts.contains(v));
    Judgement {
        plan_id: plan_id(plan),
        verdict: worst.unwrap_or(Verdict::Allow),
        steps: std::iter::zip(steps, verdicts)
            .map(|(step, verdict)| JudgedStep {
                id: step.id.clone(),
                effect: None,
                verdict: *verdict,
                reasons: vec![Reason {
                    code: "c".to_owned(),
                    message: "m".to_owned(),
                    policy: None,
                }],
                policies: vec!["data-is-sacred".to_owned()],
                approval_id: None,
                request: None,
            })
            .collect(),
    }
}

fn answer(outcome: Outcome, status: Option<u16>) -> Answer {
    Answer {
        attempt: None,
        outcome,
        status,
        result: None,
        receipt: None,
    }
}

fn check(passed: bool) -> CheckView {
    CheckView {
        expect: "/status == \"up\"".to_owned(),
        actual: json!("down"),
        passed,
    }
}

fn take(run: &mut Run, events: impl IntoIterator<Item = Event>) {
    for event in events {
        run.on(at(5), event).unwrap();
    }
}

/// The events of a step that goes well.
fn well(name: &str) -> Vec<Event> {
    let events = [
        StepEvent::Issued(id(name), json!({})),
        StepEvent::Before(id(name), json!({"status": "down"})),
        StepEvent::Calling(id(name)),
        StepEvent::Called(id(name), answer(Outcome::Done, Some(200)), Next::Check),
        StepEvent::Checked(id(name), Some(json!({"status": "up"})), check(true)),
    ];
    events.into_iter().map(Event::Step).collect()
}

/// A run whose plan of `tools` was judged with `verdicts`.
fn judged(tools: &[&str], verdicts: &[Verdict]) -> Run {
    let mut run = run(1);
    take(
        &mut run,
        [
            Event::Sensed(Sense::default()),
            Event::Proposed(proposal(tools)),
        ],
    );
    let judgement = judgement(&run, 1, verdicts);
    take(&mut run, [Event::Judged(judgement)]);
    run
}

/// Plans again the same way, up to the point before the judged plan's first step.
fn again(run: &mut Run, plan: u8, tool: &str) {
    take(
        run,
        [
            Event::Sensed(Sense::default()),
            Event::Proposed(proposal(&[tool])),
        ],
    );
    let judgement = judgement(run, plan, &[Verdict::Allow]);
    take(run, [Event::Judged(judgement)]);
}

#[test]
fn run_whose_steps_and_checks_go_well_is_completed() {
    let mut run = judged(&["infra.restart", "infra.scale"], &[Verdict::Allow; 2]);
    assert_eq!(run.next(), Action::Run(id("s1")));
    take(&mut run, well("s1"));
    assert_eq!(run.step(&id("s2")).unwrap().depends_on, [id("s1")]);
    take(&mut run, well("s2"));
    assert_eq!(run.next(), Action::Verify);
    take(&mut run, [Event::Verified(BTreeSet::new())]);
    assert_eq!(run.state(), RunState::Completed);
    assert_eq!(run.next(), Action::Rest);
    let states: Vec<RunState> = run
        .view()
        .timeline
        .iter()
        .map(|moment| moment.state)
        .collect();
    assert!(states.is_sorted(), "{states:?}");
    assert!(
        run.view()
            .summary
            .as_ref()
            .unwrap()
            .contains("infra.restart payments")
    );
}

#[test]
fn denied_plan_is_blocked_and_names_its_policy() {
    let run = judged(
        &["infra.restart", "data.wipe"],
        &[Verdict::Allow, Verdict::Deny],
    );
    assert_eq!(run.state(), RunState::Blocked);
    assert!(
        run.view()
            .summary
            .as_ref()
            .unwrap()
            .contains("data-is-sacred")
    );
    assert_eq!(run.view().error.as_ref().unwrap().code, "plan_denied");
    let states: Vec<StepState> = run.view().steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [StepState::Skipped, StepState::Denied]);
}

#[test]
fn first_step_that_needs_approval_makes_the_run_wait_and_a_no_blocks_it() {
    let mut run = judged(&["infra.shutdown"], &[Verdict::NeedsApproval]);
    assert_eq!(run.state(), RunState::Waiting);
    take(&mut run, [Event::Step(StepEvent::Waits(id("s1"), None))]);
    assert_eq!(run.next(), Action::Run(id("s1")));
    let mut yes = run.clone();
    take(&mut yes, well("s1"));
    take(&mut yes, [Event::Verified(BTreeSet::new())]);
    assert_eq!(yes.state(), RunState::Completed);
    let denial = Failure::new("approval_denied", "a person denied the step");
    take(&mut run, [Event::Step(StepEvent::Denied(id("s1"), denial))]);
    assert_eq!(run.state(), RunState::Blocked);
    assert_eq!(run.view().error.as_ref().unwrap().code, "approval_denied");
}

#[test]
fn failed_check_plans_again_at_most_twice() {
    let mut run = judged(&["infra.restart"], &[Verdict::Allow]);
    for (round, tool) in ["infra.rollback", "infra.scale", "infra.restart"]
        .into_iter()
        .enumerate()
    {
        let name = format!("s{}", round + 1);
        let mut events = well(&name);
        events.pop();
        events.push(Event::Step(StepEvent::Checked(
            id(&name),
            None,
            check(false),
        )));
        take(&mut run, events);
        if round < 2 {
            assert_eq!(run.state(), RunState::Sensing);
            assert!(run.view().steps.is_empty());
            again(&mut run, u8::try_from(round + 2).unwrap(), tool);
        }
    }
    assert_eq!(run.state(), RunState::Failed);
    assert_eq!(run.view().replans, 2);
    assert_eq!(run.view().error.as_ref().unwrap().code, "replan_limit");
    assert_eq!(run.view().superseded.len(), 2);
    assert_eq!(run.view().superseded[0].steps[0].state, StepState::Failed);
}

#[test]
fn same_call_proposed_three_times_is_a_loop() {
    let mut run = judged(&["infra.restart"], &[Verdict::Allow]);
    for plan in 2..4 {
        take(
            &mut run,
            [
                Event::Outdated("the policies changed".to_owned()),
                Event::Sensed(Sense::default()),
            ],
        );
        take(&mut run, [Event::Proposed(proposal(&["infra.restart"]))]);
        if plan < 3 {
            let judgement = judgement(&run, plan, &[Verdict::Allow]);
            take(&mut run, [Event::Judged(judgement)]);
        }
    }
    assert_eq!(run.state(), RunState::Failed);
    assert_eq!(run.view().error.as_ref().unwrap().code, "loop");
}

#[test]
fn alerts_that_are_left_lead_to_another_round_and_steps_that_went_well_stay() {
    let mut run = judged(&["infra.restart"], &[Verdict::Allow]);
    take(&mut run, well("s1"));
    take(
        &mut run,
        [Event::Verified(BTreeSet::from(["auth".to_owned()]))],
    );
    assert_eq!((run.state(), run.rounds()), (RunState::Sensing, 1));
    let mut idle = run.clone();
    take(
        &mut idle,
        [
            Event::Sensed(Sense::default()),
            Event::Idle("nothing is left".to_owned()),
        ],
    );
    assert_eq!(idle.state(), RunState::Completed);
    again(&mut run, 2, "infra.scale");
    take(&mut run, well("s2"));
    take(&mut run, [Event::Verified(BTreeSet::new())]);
    assert_eq!(run.state(), RunState::Completed);
    assert_eq!(run.view().steps.len(), 2);
    assert_eq!(run.view().replans, 0);
}

#[test]
fn alert_that_stays_open_is_a_failure() {
    let mut run = judged(&["infra.restart"], &[Verdict::Allow]);
    take(&mut run, well("s1"));
    take(
        &mut run,
        [Event::Verified(BTreeSet::from(["payments".to_owned()]))],
    );
    assert_eq!((run.state(), run.view().replans), (RunState::Sensing, 1));
    assert!(
        run.tried()
            .contains(&("book".to_owned(), "payments".to_owned()))
    );
    take(
        &mut run,
        [
            Event::Sensed(Sense::default()),
            Event::Idle("no alert is open".to_owned()),
        ],
    );
    assert_eq!(
        run.state(),
        RunState::Failed,
        "something was done and did not help"
    );
}

#[test]
fn refused_lost_and_doubtful_calls_end_the_run() {
    let calling = |run: &mut Run| {
        take(run, well("s1").into_iter().take(3));
        assert_eq!(
            run.next(),
            Action::Recover(id("s1")),
            "a call that was sent is never sent again"
        );
    };
    for (event, state, code) in [
        (StepEvent::Lost(id("s1")), RunState::Failed, "call_in_doubt"),
        (
            StepEvent::Called(id("s1"), answer(Outcome::InDoubt, None), Next::Check),
            RunState::Failed,
            "call_in_doubt",
        ),
        (
            StepEvent::Refused(id("s1"), Failure::new("params_mismatch", "m")),
            RunState::Failed,
            "params_mismatch",
        ),
        (
            StepEvent::Refused(id("s1"), Failure::new("killed", "m")),
            RunState::Blocked,
            "killed",
        ),
    ] {
        let mut run = judged(&["infra.restart"], &[Verdict::Allow]);
        calling(&mut run);
        take(&mut run, [Event::Step(event)]);
        assert_eq!(run.state(), state);
        assert_eq!(run.view().error.as_ref().unwrap().code, code);
    }
    for (outcome, status) in [
        (Outcome::NotSent, None),
        (Outcome::Done, Some(500)),
        (Outcome::Done, None),
    ] {
        let mut run = judged(&["infra.restart"], &[Verdict::Allow]);
        calling(&mut run);
        take(
            &mut run,
            [Event::Step(StepEvent::Called(
                id("s1"),
                answer(outcome, status),
                Next::Believe,
            ))],
        );
        assert_eq!((run.state(), run.view().replans), (RunState::Sensing, 1));
    }
}

#[test]
fn nothing_to_do_is_no_action_and_nothing_follows_an_end() {
    let mut run = run(1);
    take(
        &mut run,
        [
            Event::Sensed(Sense::default()),
            Event::Idle("no alert is open".to_owned()),
        ],
    );
    assert_eq!(run.state(), RunState::NoAction);
    let before = run.clone();
    assert!(
        run.on(at(9), Event::Cancelled("alice".parse().unwrap()))
            .is_err()
    );
    assert!(run.on(at(9), Event::Sensed(Sense::default())).is_err());
    assert_eq!(run, before);
}

#[test]
fn stored_run_comes_back_as_it_was() {
    let mut run = judged(&["infra.restart"], &[Verdict::Allow]);
    take(&mut run, well("s1").into_iter().take(3));
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
}

fn any_step_event() -> impl Strategy<Value = StepEvent> {
    let step = (1..6u8).prop_map(|number| id(&format!("s{number}")));
    let outcome = prop_oneof![
        Just(Outcome::Done),
        Just(Outcome::NotSent),
        Just(Outcome::InDoubt)
    ];
    let status = prop_oneof![3 => Just(Some(200)), 1 => Just(None), 1 => Just(Some(404))];
    let next = prop_oneof![Just(Next::Check), Just(Next::Believe)];
    let failure = || Failure::new("token_used", "used");
    (step, 0..14u8, outcome, status, next, any::<bool>()).prop_map(
        move |(step, kind, outcome, status, next, passed)| match kind {
            0 => StepEvent::Waits(step, None),
            1..=3 => StepEvent::Issued(step, json!({})),
            4 => StepEvent::Before(step, json!({})),
            5..=7 => StepEvent::Calling(step),
            8..=9 => StepEvent::Called(step, answer(outcome, status), next),
            10 => StepEvent::Lost(step),
            11 => StepEvent::Refused(step, failure()),
            12 => StepEvent::Denied(step, failure()),
            _ => StepEvent::Checked(step, None, check(passed)),
        },
    )
}

/// What a shell might report, in any order; plans and judgements are made to fit the run when taken.
#[derive(Clone, Debug)]
enum Any {
    Event(Event),
    Propose(usize),
    Judge(Vec<Verdict>),
    GoOn(bool),
}

fn any_event() -> impl Strategy<Value = Any> {
    let verdict = prop_oneof![6 => Just(Verdict::Allow), 2 => Just(Verdict::NeedsApproval), 1 => Just(Verdict::Deny)];
    let open = prop::collection::btree_set(
        prop_oneof![Just("payments".to_owned()), Just("auth".to_owned())],
        0..2,
    );
    prop_oneof![
        20 => any::<bool>().prop_map(Any::GoOn),
        4 => any_step_event().prop_map(|event| Any::Event(Event::Step(event))),
        3 => Just(Any::Event(Event::Sensed(Sense::default()))),
        3 => (1..4usize).prop_map(Any::Propose),
        3 => prop::collection::vec(verdict, 3).prop_map(Any::Judge),
        3 => open.prop_map(|open| Any::Event(Event::Verified(open))),
        1 => Just(Any::Event(Event::Idle("idle".to_owned()))),
        1 => Just(Any::Event(Event::Outdated("stale".to_owned()))),
    ]
}

/// The event that a good shell would report next, or a failed check in its place.
fn likely(run: &Run, passed: bool, plans: u8) -> Option<Event> {
    Some(match run.next() {
        Action::Sense => Event::Sensed(Sense::default()),
        Action::Plan => Event::Proposed(proposal(&["infra.restart", "infra.scale"])),
        Action::Submit => Event::Judged(judgement(run, plans, &[Verdict::Allow; 3])),
        Action::Run(step) if run.step(&step)?.state == StepState::Issued => {
            Event::Step(StepEvent::Calling(step))
        }
        Action::Run(step) => Event::Step(StepEvent::Issued(step, json!({}))),
        Action::Recover(step) => Event::Step(StepEvent::Called(
            step,
            answer(Outcome::Done, Some(200)),
            Next::Check,
        )),
        Action::Check(step) => Event::Step(StepEvent::Checked(step, None, check(passed))),
        Action::Verify => Event::Verified(BTreeSet::new()),
        Action::Rest => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn completed_run_has_no_step_that_failed_was_refused_or_denied(
        events in prop::collection::vec(any_event(), 1..60)
    ) {
        let mut run = run(1);
        let mut calls: BTreeMap<StepId, u32> = BTreeMap::new();
        let mut plans = 0u8;
        for event in events {
            plans = plans.wrapping_add(1);
            let event = match event {
                Any::Event(event) => event,
                Any::Propose(count) => Event::Proposed(proposal(
                    &["infra.restart", "infra.scale", "infra.rollback"][..count])),
                Any::Judge(verdicts) => {
                    if run.proposal().is_none() { continue }
                    Event::Judged(judgement(&run, plans, &verdicts))
                }
                Any::GoOn(passed) => match likely(&run, passed, plans) {
                    Some(event) => event,
                    None => continue,
                },
            };
            let before = run.clone();
            let mut called = None;
            if let Event::Step(StepEvent::Calling(step)) = &event {
                called = Some(step.clone());
            }
            let taken = run.on(at(7), event).is_ok();
            if let (true, Some(step)) = (taken, called) {
                *calls.entry(step).or_default() += 1;
            }
            if before.state().ended() || !taken {
                prop_assert_eq!(&run, &before);
            }
            let view = run.view();
            prop_assert!(view.replans <= MAX_REPLANS);
            prop_assert_eq!(view.state.ended(), view.finished_at.is_some());
            prop_assert_eq!(view.state.ended(), run.next() == Action::Rest);
            if view.state == RunState::Completed {
                prop_assert!(!view.steps.is_empty());
                prop_assert!(view.steps.iter().all(RunStep::sound), "{:?}", view.steps);
            }
            if view.state == RunState::NoAction {
                prop_assert!(view.steps.is_empty() && view.superseded.is_empty());
            }
        }
        for (step, count) in calls {
            prop_assert!(count <= 1, "{} was called {} times", step, count);
        }
    }
}
