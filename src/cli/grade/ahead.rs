//! Photos are read and prepared ahead, several at once, while the network is at
//! the one whose turn it is.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

/// What the threads share.
struct Belt<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    /// The first that nobody has begun.
    next: usize,
    /// The first that has not been taken.
    taken: usize,
    made: BTreeMap<usize, T>,
    closed: bool,
}

impl<T> Belt<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed
            .wait(guard)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the belt however its thread ends, so that no other waits for ever.
struct Closing<'a, T>(&'a Belt<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// Makes the things numbered `0..count` on `threads` threads and hands them to
/// `take` in order, on this one, until it answers `false`. At most twice as many
/// as there are threads are made and not yet taken.
///
/// # Errors
/// The first of `take`.
pub fn in_order<T: Send>(
    count: usize,
    threads: usize,
    make: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<bool>,
) -> Result<()> {
    let belt = Belt {
        state: Mutex::new(State {
            next: 0,
            taken: 0,
            made: BTreeMap::new(),
            closed: false,
        }),
        changed: Condvar::new(),
    };
    let work = || {
        let panicked = Closing(&belt);
        let mut state = belt.lock();
        loop {
            if state.closed || state.next >= count {
                break;
            }
            if state.next >= state.taken + 2 * threads {
                state = belt.wait(state);
                continue;
            }
            let index = state.next;
            state.next += 1;
            drop(state);
            let made = make(index);
            state = belt.lock();
            state.made.insert(index, made);
            belt.changed.notify_all();
        }
        drop(state);
        std::mem::forget(panicked);
    };
    std::thread::scope(|scope| {
        let _taken = Closing(&belt);
        for _ in 0..threads {
            scope.spawn(work);
        }
        for index in 0..count {
            let mut state = belt.lock();
            let made = loop {
                if let Some(made) = state.made.remove(&index) {
                    break made;
                }
                if state.closed {
                    return Ok(()); // a thread panicked, and the scope says so
                }
                state = belt.wait(state);
            };
            state.taken = index + 1;
            drop(state);
            belt.changed.notify_all();
            if !take(index, made)? {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn everything_is_taken_once_and_in_order_and_little_waits() {
        let (made, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let make = |index: usize| {
            let ahead = made.fetch_add(1, Ordering::SeqCst) - taken.load(Ordering::SeqCst);
            assert!(ahead <= 3 * 2, "{ahead} ahead");
            // The later ones are ready first.
            std::thread::sleep(std::time::Duration::from_micros(
                200 * (7 - index as u64 % 7),
            ));
            index * index
        };
        let mut seen = Vec::new();
        in_order(50, 3, make, |index, square| {
            assert_eq!(square, index * index);
            taken.fetch_add(1, Ordering::SeqCst);
            seen.push(index);
            Ok(true)
        })
        .unwrap();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn it_ends_where_the_taker_ends_it() {
        let made = AtomicUsize::new(0);
        let count = |_| made.fetch_add(1, Ordering::SeqCst);
        in_order(1000, 2, count, |index, _| Ok(index < 9)).unwrap();
        assert!(made.into_inner() <= 10 + 4);
        let failed = in_order(1000, 2, |_| (), |_, ()| anyhow::bail!("full"));
        assert_eq!(failed.unwrap_err().to_string(), "full");
    }

    #[test]
    #[should_panic(expected = "scoped thread")]
    fn a_panic_is_passed_on_rather_than_waited_for() {
        let _ = in_order(9, 2, |index| assert!(index != 4), |_, ()| Ok(true));
    }
}
