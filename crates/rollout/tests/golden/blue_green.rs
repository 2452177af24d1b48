//! Rollouts that flip.

golden! {
    flipped: "
        app wanted=2 blue-green bake=5s
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ack
        ready a-4
        ack a-1=1
        wait 5s
        idle a-1
        gone a-2
        gone a-1"

    flipped_when_checked_and_promoted: "
        app wanted=1 blue-green bake=5s verify=60s promote=100s
        serving r1 a-1
        rollout r2
        ready a-2
        ack
        passes
        wait 10s
        promote
        ack
        wait 5s
        gone a-1"

    checked_and_found_wanting: "
        app wanted=1 blue-green verify=60s
        serving r1 a-1
        rollout r2
        ready a-2
        ack
        fails
        ack a-2=1
        idle a-2
        gone a-2"

    checks_that_come_to_no_end: "
        app wanted=1 blue-green verify=60s
        serving r1 a-1
        rollout r2
        ready a-2
        ack
        wait 66s
        ack
        gone a-2"

    nobody_promotes: "
        app wanted=1 blue-green promote=100s
        serving r1 a-1
        rollout r2
        ready a-2
        ack
        wait 100s
        ack
        gone a-2"

    flipped_and_back: "
        app wanted=2 blue-green
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ready a-4
        ack
        crash-ready a-3
        ack a-4=1
        idle a-4
        gone a-3
        gone a-4"

    flipped_and_asked_back: "
        app wanted=1 blue-green
        serving r1 a-1
        rollout r2
        ready a-2
        ack
        abort
        ack
        gone a-2"

    flipped_and_back_to_less: "
        app wanted=2 blue-green
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        ready a-4
        ack
        crash a-1
        crash a-1
        abort
        wait 1s
        starts a-1
        ready a-1
        ack
        gone a-3
        gone a-4"

    flipped_with_more_instances: "
        app wanted=1 blue-green bake=5s
        serving r1 a-1
        rollout r2
        scale 2
        ready a-2
        ready a-3
        ready a-4
        ack
        wait 5s
        gone a-1
        gone a-3"

    flip_that_is_aborted_before: "
        app wanted=2 blue-green
        serving r1 a-1 a-2
        rollout r2
        ready a-3
        crash a-4
        crash a-4
        ack
        gone a-3
        gone a-4"
}
