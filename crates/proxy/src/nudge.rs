//! Tells a task's own doings from news of the outside.
//!
//! The two halves of a connection to an instance talk to each other by channels, and wake each other by
//! them, although one task polls both right then. Taken at their word, the task would be polled twice as
//! often as anything has happened. So they get a waker of their own: what it hears while the task is at it
//! is noted, and only what it hears at other times wakes the task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A waker of its own for a part of a task.
pub(crate) struct Nudge {
    inner: Arc<Inner>,
    /// Of `inner`.
    waker: Waker,
    /// The same as in `inner`, to be compared without a lock.
    task: Waker,
}

struct Inner {
    /// The task is polling the part.
    at_it: AtomicBool,
    /// The part was woken meanwhile.
    again: AtomicBool,
    task: Mutex<Waker>,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.at_it.load(Ordering::Acquire) {
            self.again.store(true, Ordering::Release);
        } else {
            self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
        }
    }
}

impl Nudge {
    /// A part that no task has polled yet.
    pub(crate) fn new() -> Self {
        let inner = Arc::new(Inner {
            at_it: AtomicBool::new(false),
            again: AtomicBool::new(false),
            task: Mutex::new(Waker::noop().clone()),
        });
        Self { waker: Waker::from(Arc::clone(&inner)), inner, task: Waker::noop().clone() }
    }

    /// Polls the part for the task of `cx`, once more each time it has woken itself.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut part: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.task.will_wake(cx.waker()) {
            self.belong_to(cx.waker());
        }
        let mut inner = Context::from_waker(&self.waker);
        self.inner.at_it.store(true, Ordering::Release);
        let result = loop {
            self.inner.again.store(false, Ordering::Release);
            let result = part(&mut inner);
            if result.is_ready() || !self.inner.again.load(Ordering::Acquire) {
                break result;
            }
        };
        self.inner.at_it.store(false, Ordering::Release);
        result
    }

    /// No task waits for the part any more.
    pub(crate) fn rest(&mut self) {
        self.belong_to(Waker::noop());
    }

    fn belong_to(&mut self, task: &Waker) {
        self.task.clone_from(task);
        self.inner.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn only_news_of_the_outside_wakes_the_task() {
        let woken = Arc::new(Count::default());
        let task = Waker::from(Arc::clone(&woken));
        let mut nudge = Nudge::new();
        let mut polls = 0;
        let mut kept = None;
        let result = nudge.poll(&mut Context::from_waker(&task), |cx| {
            polls += 1;
            if polls < 3 {
                cx.waker().wake_by_ref();
            }
            kept = Some(cx.waker().clone());
            Poll::<()>::Pending
        });
        assert!(result.is_pending());
        assert_eq!((polls, woken.0.load(Ordering::SeqCst)), (3, 0));
        let kept = kept.unwrap();
        kept.wake_by_ref();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        nudge.rest();
        kept.wake_by_ref();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    }
}
