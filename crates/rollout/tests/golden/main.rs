//! The decider, told in scripts: each test is a story, its snapshot the story with every decision.

mod render;
mod script;

macro_rules! golden {
    ($($(#[$doc:meta])* $name:ident: $script:literal)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), crate::script::play($script));
        }
    )*};
}

mod blue_green;

golden! {
    first_release: "
        app wanted=2
        first r1
        ready a-1
        ack
        ready a-2
        ack"

    first_release_that_fails: "
        app wanted=1
        first r1
        crash a-1
        crash a-1
        wait 1s
        starts a-1"

    one_instance_with_room_for_another: "
        app wanted=1 surge=1 unavailable=0
        serving r1 a-1
        rollout r2
        ready a-2
        ack a-1=1
        wait 10s
        idle a-1
        gone a-1"

    one_instance_that_cannot_run_twice: "
        app wanted=1 surge=0 unavailable=1 bake=0s
        serving r1 a-1
        rollout r2
        ack a-1=1
        wait 30s
        gone a-1
        starts a-2
        ready a-2
        ack"

    two_instances_one_at_a_time: "
        app wanted=2 surge=1 unavailable=0
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ack
        ack
        gone a-1
        ready a-4
        ack a-2=3
        wait 10s
        idle a-2
        gone a-2"

    recreated: "
        app wanted=2 recreate bake=5s
        serving r1 a-1 a-2
        rollout r2
        ack a-1=1
        gone a-2
        idle a-1
        gone a-1
        ready a-3
        ack
        ready a-4
        ack
        wait 5s"

    recreated_and_failed: "
        app wanted=1 recreate
        serving r1 a-1
        rollout r2
        ack
        gone a-1
        crash a-2
        crash a-2
        gone a-2
        ready a-3
        ack"

    recreated_and_aborted_while_the_old_ones_end: "
        app wanted=1 recreate
        serving r1 a-1
        rollout r2
        ack a-1=1
        abort
        idle a-1
        gone a-1
        ready a-2
        ack"

    /// A pause that comes when the old ones are told to go does not leave the app with nobody.
    recreated_and_paused: "
        app wanted=1 recreate bake=0s
        serving r1 a-1
        rollout r2
        pause
        ack
        gone a-1
        ready a-2
        ack
        resume"

    first_release_of_what_is_recreated: "
        app wanted=2 recreate
        first r1
        ready a-1
        ack
        ready a-2
        ack"

    four_instances_two_at_a_time: "
        app wanted=4 surge=2 unavailable=0 bake=0s
        serving r1 a-1 a-2 a-3 a-4
        rollout r2
        ready a-5
        ack
        ready a-6
        ack
        ack
        gone a-1
        gone a-2
        ready a-7
        ready a-8
        ack
        gone a-3
        gone a-4"

    four_instances_with_two_missing: "
        app wanted=4 surge=0 unavailable=2 bake=0s
        serving r1 a-1 a-2 a-3 a-4
        rollout r2
        ack
        gone a-1
        gone a-2
        ready a-5
        ready a-6
        ack
        ack
        gone a-3
        gone a-4
        ready a-7
        ready a-8
        ack"

    two_instances_all_at_once: "
        app wanted=2 surge=2 unavailable=0
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ack
        ready a-4
        ack
        wait 10s
        gone a-1
        gone a-2"

    one_crash_at_boot_is_forgiven: "
        app wanted=1
        serving r1 a-1
        rollout r2
        crash a-2
        ready a-2
        ack"

    two_crashes_at_boot_are_not: "
        app wanted=2
        serving r1 a-1 a-2
        rollout r2
        crash a-3
        crash a-3
        gone a-3"

    a_release_that_is_late: "
        app wanted=2
        serving r1 a-1 a-2
        rollout r2
        wait 60s
        late a-3
        gone a-3"

    a_crash_while_it_is_watched: "
        app wanted=2
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ack
        ack
        gone a-1
        ready a-4
        ack
        wait 5s
        crash-ready a-3
        ack
        gone a-3
        ready a-5
        ack
        gone a-4"

    abort_while_replacing: "
        app wanted=2
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ack
        ack
        gone a-1
        abort
        gone a-4
        ready a-5
        ack
        gone a-3"

    abort_while_it_is_watched: "
        app wanted=1
        serving r1 a-1
        rollout r2
        ready a-2
        ack
        wait 3s
        abort
        ack a-2=1
        idle a-2
        gone a-2"

    a_stop_that_waits_for_work_until_its_deadline: "
        app wanted=1 bake=0s drain=5s
        serving r1 a-1
        rollout r2
        ready a-2
        ack a-1=2
        wait 4s
        wait 1s
        gone a-1"

    paused_while_replacing: "
        app wanted=2 bake=0s
        serving r1 a-1 a-2
        rollout r2
        pause
        ready a-3
        ack
        resume
        ack
        gone a-1"

    paused_and_failing: "
        app wanted=2
        serving r1 a-1 a-2
        rollout r2
        pause
        crash a-3
        crash a-3
        gone a-3"

    paused_while_it_is_watched: "
        app wanted=1
        serving r1 a-1
        rollout r2
        ready a-2
        ack
        pause
        wait 60s
        resume
        gone a-1"

    more_instances_during_a_rollout: "
        app wanted=2 bake=0s
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ack
        scale 3
        ready a-4
        ack"

    fewer_instances_during_a_rollout: "
        app wanted=3 bake=0s
        serving r1 a-1 a-2 a-3
        rollout r2
        ready a-4
        ack
        scale 1
        ack"

    more_and_fewer_instances: "
        app wanted=2
        serving r1 a-1 a-2
        scale 4
        ready a-3
        ready a-4
        ack
        scale 1
        ack
        gone a-2
        gone a-3
        gone a-4"

    stopped: "
        app wanted=2
        serving r1 a-1 a-2
        stop
        ack a-1=1
        gone a-2
        wait 30s
        gone a-1"

    stopped_during_a_rollout: "
        app wanted=1
        serving r1 a-1
        rollout r2
        stop
        gone a-2
        ack
        gone a-1"

    unready_and_back: "
        app wanted=2
        serving r1 a-1 a-2
        unready a-1
        ack a-1=2
        ready a-1
        ack"

    wedged_one_at_a_time: "
        app wanted=3
        serving r1 a-1 a-2 a-3
        wedged a-1
        ack a-1=1
        idle a-1
        wedged a-2
        ack a-2=4
        wait 30s
        starts a-1
        ready a-1
        ack"

    wedged_and_alone: "
        app wanted=1
        serving r1 a-1
        wedged a-1
        ack a-1=4"

    an_old_instance_that_fails_during_a_rollout: "
        app wanted=2 bake=0s
        serving r1 a-1 a-2
        rollout r2
        unready a-1
        ack
        ready a-3
        ack
        gone a-1
        ready a-4
        ack"

    a_return_to_what_has_begun_to_fail: "
        app wanted=2
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ack
        ack
        gone a-1
        unready a-2
        abort
        ack
        gone a-4
        crash a-5
        crash a-5"

    a_worker_without_routes: "
        app wanted=2 unrouted bake=5s
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        gone a-1
        ready a-4
        wait 5s
        gone a-2"

    a_new_release_that_crashes_past_the_point_of_no_return: "
        app wanted=1 bake=0s
        serving r1 a-1
        rollout r2
        ready a-2
        ack a-1=1
        crash-ready a-2
        ack a-1=1
        idle a-1
        gone a-1"

    a_first_release_behind_another_app: "
        app wanted=2
        awaits db
        first r1
        wait 5s
        up
        ready a-1
        ready a-2
        ack"

    a_first_release_behind_an_app_that_fails: "
        app wanted=1
        awaits db
        first r1
        awaits db failed
        wait 5s
        up
        ready a-1
        ack"

    a_job_that_ends: "
        app wanted=1 job bake=0s
        first r1
        finished a-1
        rollout r2
        finished a-2"
}
