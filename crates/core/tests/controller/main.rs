//! Runs the controller's state machine against a model of the API server, with the faults that break controllers. Sieve (OSDI 2022) names
//! three patterns of such faults.

#![cfg(test)]

mod server;
mod traces;
mod wanted;
mod world;

use std::marker::PhantomData;

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use traces::{Step, TRACES};
use world::World;

/// The faults of a run.
trait Faults: Clone + std::fmt::Debug + 'static {
    fn faults() -> BoxedStrategy<Step>;
}

macro_rules! faults {
    ($($name:ident => $strategy:expr;)*) => {
        $(
            #[derive(Clone, Debug)]
            struct $name;
            impl Faults for $name {
                fn faults() -> BoxedStrategy<Step> {
                    $strategy
                }
            }
        )*
    };
}

faults! {
    // Intermediate states: the replica dies between two writes, or before it gets the answer to one; its last write may arrive late.
    Crashes => prop_oneof![Just(Step::Crash), (0..4_usize).prop_map(Step::Unheard), (0..4_usize).prop_map(Step::Late)].boxed();
    // Unobserved states: only the result of an event is seen.
    Missed => (0..3_usize).prop_map(Step::Miss).boxed();
    // Stale states: a replica starts with the state of an older API server.
    Stale => prop_oneof![(0..3_usize, 1..12_usize).prop_map(|(watch, back)| Step::BeginStale(watch, back)),
        (1..12_usize).prop_map(Step::CrashToStale)].boxed();
    // All faults, and logins that change.
    Everything => prop_oneof![Crashes::faults(), Missed::faults(), Stale::faults(), Just(Step::Rotate)].boxed();
}

/// The steps of a run.
#[derive(Debug)]
struct Steps<F>(PhantomData<F>);

impl<F: Faults> ReferenceStateMachine for Steps<F> {
    type State = ();
    type Transition = Step;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions((): &()) -> BoxedStrategy<Step> {
        let namespace = || 0..3_usize;
        prop_oneof![
            2 => namespace().prop_map(Step::Create),
            2 => (namespace(), 0..2_usize).prop_map(|(namespace, account)| Step::Account(namespace, account)),
            1 => namespace().prop_map(Step::Delete),
            2 => namespace().prop_map(Step::Exclude),
            1 => namespace().prop_map(Step::Foreign),
            1 => namespace().prop_map(Step::DeleteSecret),
            1 => namespace().prop_map(Step::Drift),
            1 => (namespace(), 0..2_usize).prop_map(|(namespace, account)| Step::Refer(namespace, account)),
            1 => (namespace(), 0..2_usize).prop_map(|(namespace, account)| Step::Unrefer(namespace, account)),
            8 => (0..3_usize).prop_map(Step::See),
            6 => Just(Step::Begin),
            6 => (0..4_usize).prop_map(Step::End),
            3 => F::faults(),
        ]
        .boxed()
    }

    fn apply((): (), _: &Step) {}
}

struct Check<F>(PhantomData<F>);

impl<F: Faults> StateMachineTest for Check<F> {
    type SystemUnderTest = World;
    type Reference = Steps<F>;

    fn init_test((): &()) -> World {
        World::new()
    }

    fn apply(mut world: World, (): &(), step: Step) -> World {
        world.step(step);
        world
    }

    fn teardown(mut world: World, (): ()) {
        world.settle();
        world.assert_right();
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_in_the_middle_of_a_step_leaves_nothing_that_the_next_replica_does_not_mend(sequential 1..80 => Check<Crashes>);

    #[test]
    fn missed_events_are_seen_in_their_result(sequential 1..80 => Check<Missed>);

    #[test]
    fn stale_reads_from_an_older_api_server_do_no_harm(sequential 1..80 => Check<Stale>);

    #[test]
    fn all_faults_together_end_in_what_is_wanted(sequential 1..120 => Check<Everything>);
}

#[test]
fn every_kept_trace_ends_in_what_is_wanted() {
    for (name, steps) in TRACES {
        println!("{name}");
        let mut world = World::new();
        for step in *steps {
            world.step(*step);
        }
        world.settle();
        world.assert_right();
    }
}

#[test]
fn the_sample_stays_until_its_namespace_goes_and_then_it_is_another_chosen_one() {
    let mut world = World::new();
    let mut then = |steps: &[Step]| {
        for step in steps {
            world.step(*step);
        }
        world.choose_sample()
    };
    assert_eq!(then(&[]), None);
    assert_eq!(then(&[Step::Create(1), Step::See(0)]).as_deref(), Some("b"));
    assert_eq!(then(&[Step::Create(0), Step::See(0)]).as_deref(), Some("b"), "it is still there");
    assert_eq!(then(&[Step::Delete(1), Step::See(0)]).as_deref(), Some("a"));
    assert_eq!(then(&[Step::Exclude(0), Step::See(0)]), None);
    assert_eq!(then(&[Step::Create(1), Step::See(0)]).as_deref(), Some("b"));
}

#[test]
fn a_namespace_that_an_older_api_server_does_not_show_yet_is_not_taken_for_an_excluded_one_later() {
    let mut world = World::new();
    let steps = [Step::Create(0), Step::Account(0, 0), Step::Exclude(0), Step::Exclude(0), Step::See(1)];
    let served = [Step::See(0), Step::See(0), Step::See(0), Step::Begin, Step::End(0), Step::Begin, Step::End(0)];
    for step in steps.into_iter().chain(served).chain([Step::See(1), Step::See(2)]) {
        world.step(step);
    }
    // It shows no namespace, and then one change after the other.
    world.step(Step::BeginStale(0, 3));
    for _ in 0..3 {
        world.step(Step::See(0));
        world.step(Step::Begin);
        assert_eq!(world.running, []);
    }
    world.settle();
    world.assert_right();
}

#[test]
fn a_write_that_has_not_begun_is_dropped_when_its_namespace_changes() {
    let mut world = World::new();
    for step in [Step::Create(0), Step::Account(0, 0), Step::Account(0, 1)] {
        world.step(step);
    }
    world.settle();
    for step in [Step::Exclude(0), Step::See(0), Step::Begin, Step::Exclude(0), Step::See(0)] {
        world.step(step);
    }
    assert_eq!(world.running.len(), 1, "one of two references is removed");
    // A second removal would be noticed here.
    (0..3).for_each(|_| world.step(Step::Begin));
    world.settle();
    world.assert_right();
}
